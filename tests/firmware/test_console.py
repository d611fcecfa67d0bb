from __future__ import annotations

import pytest

from birdnet_stm32.detect.event import Event
from birdnet_stm32.errors import ToolError
from birdnet_stm32.firmware.console import Detection, PrintedEvent, parse

TEXT = """birdnet-firmware 2 "T \\u0022x" "1.0" "0123456789abcdef"
recording 0 200 2 "a.wav"
window 0 0
something for people
window 0 1
event 0 2 4000 4294975296 0.999999940 "Great \\u000a Tit"
detection 0 2 0.800781 "Great \\u000a Tit"
refused 1 "not mono" "b.wav"
done 2 1
"""


def test_every_line_is_understood() -> None:
    console = parse(TEXT)
    assert (console.title, console.version, console.model) == ('T "x', "1.0", "0123456789abcdef")
    assert console.windows == ((0, 0), (0, 1))
    assert console.detections == (Detection(recording=0, label=2, name="Great \n Tit", probability=0.800781),)
    assert console.events == (
        PrintedEvent(
            recording=0,
            event=Event(
                label="Great \n Tit", start_samples=4_000, end_samples=2**32 + 8_000, score=1 - 2**-24
            ),
        ),
    )
    assert console.refused == ((1, "not mono"),)
    assert console.recordings == 2
    assert console.errors == ()


def test_an_unfinished_run_has_no_count() -> None:
    assert parse(TEXT[: TEXT.index("done")] + 'error "why"\n').errors == ("why",)
    assert parse(TEXT[: TEXT.index("done")]).recordings is None


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("birdnet-firmware 2", "birdnet-firmware 1", "protocol 1"),
        ("birdnet-firmware 2", "hello", "introduce"),
        ("window 0 1", "window 0 x", "window"),
        ("0.800781", "nan", "detection"),
        ('0.800781 "Great', "0.800781 Great", "detection"),
        ("\\u000a", "\\u00", "event"),
        ("0.999999940", "0.9999", "event"),
        ("event 0 2 4000", "event 0 2 -1", "event"),
    ],
)
def test_damaged_lines_are_refused(old: str, new: str, named: str) -> None:
    with pytest.raises(ToolError, match=named):
        parse(TEXT.replace(old, new))
