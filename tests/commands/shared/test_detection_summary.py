"""What the command prints at its end."""

from __future__ import annotations

from birdnet_stm32.audio.recorders.recorder_details import RecorderDetails
from birdnet_stm32.commands.shared.detection_run import note_lines
from birdnet_stm32.commands.shared.detection_summary import summary_lines, totals_line
from birdnet_stm32.detect.event import Event
from birdnet_stm32.detect.recording import DetectedRecording

RATE_HZ = 24_000


def recording(path: str, *events: tuple[str, int, float], notes: tuple[str, ...] = ()) -> DetectedRecording:
    return DetectedRecording(
        path=path,
        full_path=f"/{path}",
        sample_rate_hz=RATE_HZ,
        samples=90 * RATE_HZ,
        details=RecorderDetails(),
        events=tuple(
            Event(label=label, start_samples=at_s * RATE_HZ, end_samples=(at_s + 3) * RATE_HZ, score=score)
            for label, at_s, score in events
        ),
        notes=notes,
    )


def test_the_most_frequent_species_is_first_with_its_best_event() -> None:
    owl, wren = "Strix aluco_Tawny Owl", "wren"
    heard = [recording("a.wav", (owl, 3, 0.5), (wren, 60, 0.9)), recording("b.wav", (owl, 75, 0.75))]
    assert summary_lines(heard) == [
        "species    events  recordings  best score, at",
        "Tawny Owl       2           2  0.750  b.wav 1:15",
        "wren            1           1  0.900  a.wav 1:00",
    ]
    assert totals_line(heard) == "3 events of 2 species in 2 recordings, 3.0 minutes"


def test_a_long_path_keeps_its_end() -> None:
    (_, line) = summary_lines([recording("folder/" * 20 + "a.wav", ("wren", 0, 0.5))])
    assert line.endswith(" ..." + "folder/" * 6 + "a.wav 0:00")
    assert len(line) < 100


def test_more_species_than_fit_are_counted_and_none_is_said() -> None:
    many = recording("a.wav", *((f"species {number:02d}", number, 0.5) for number in range(25)))
    lines = summary_lines([many])
    assert (len(lines), lines[-1]) == (22, "and 5 more species")
    assert summary_lines([recording("quiet.wav")]) == ["nothing was detected"]


def test_notes_are_said_once_for_each_kind() -> None:
    heard = [
        recording("a.wav", notes=("clock missing: nothing says it", "cut off: 3 s of 5 s")),
        recording("b.wav", notes=("clock missing: nothing says it",)),
    ]
    assert note_lines(heard) == [
        "a.wav: clock missing: nothing says it (and 1 other recording)",
        "a.wav: cut off: 3 s of 5 s",
    ]
