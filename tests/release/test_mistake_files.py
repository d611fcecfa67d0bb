"""The folder of mistakes sorts by name, can be opened in a browser and a spreadsheet, and loses nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument
from birdnet_stm32.release.mistake_clips import PcmOf
from birdnet_stm32.release.mistake_files import PAGE, TABLE, cut_mistakes

SHAPE = WindowShape(sample_rate_hz=8_000, window_samples=20_000, hop_samples=10_000)
MakeAccuracy = Callable[..., EvaluateDocument]


def test_names_sort_by_species_kind_rank_and_probability(
    make_accuracy: MakeAccuracy, read_pcm: PcmOf
) -> None:
    files = cut_mistakes(make_accuracy("Parus major_Great Tit", "Bubo bubo").mistakes, read_pcm, SHAPE)
    assert list(files)[:3] == [
        "Parus_major_Great_Tit-false_alarm-01-p0.80.wav",
        "Parus_major_Great_Tit-false_alarm-02-p0.60.wav",
        "Parus_major_Great_Tit-false_alarm-03-p0.40.wav",
    ]
    assert sum(name.endswith(".wav") for name in files) == 12
    assert (
        sorted(name for name in files if name.startswith("Bubo"))[0] == "Bubo_bubo-false_alarm-01-p0.80.wav"
    )


def test_samples_are_those_of_the_model(make_accuracy: MakeAccuracy, read_pcm: PcmOf) -> None:
    mistakes = make_accuracy("wren").mistakes
    files = cut_mistakes(mistakes, read_pcm, SHAPE)
    read, rate_hz = soundfile.read(io.BytesIO(files["wren-miss-01-p0.00.wav"]), dtype="int16")
    assert rate_hz == 8_000
    np.testing.assert_array_equal(read, read_pcm("wren/XC0.ogg", 0, 20_000))


def test_a_missed_recording_is_cut_as_a_whole(make_accuracy: MakeAccuracy, read_pcm: PcmOf) -> None:
    (missed,) = [one for one in make_accuracy("wren").mistakes if one.kind == "miss"][:1]
    files = cut_mistakes([replace(missed, start_s=0.0, end_s=12.5)], read_pcm, SHAPE)
    (name,) = [name for name in files if name.endswith(".wav")]
    assert soundfile.info(io.BytesIO(files[name])).frames == 100_000


def test_the_table_names_every_file(make_accuracy: MakeAccuracy, read_pcm: PcmOf) -> None:
    files = cut_mistakes(make_accuracy("wren", "=1+2").mistakes, read_pcm, SHAPE)
    rows = list(csv.DictReader(io.StringIO(files[TABLE].decode())))
    assert {row["file"] for row in rows} == {name for name in files if name.endswith(".wav")}
    assert {row["species"] for row in rows} == {"wren", "'=1+2"}
    assert rows[0]["recording"] == "wren/XC1.ogg"


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b\\c:d", "öäü 鳥", "鳥", "", "." * 200, "x" * 300])
def test_names_cannot_leave_the_folder(name: str, make_accuracy: MakeAccuracy, read_pcm: PcmOf) -> None:
    for file in cut_mistakes(make_accuracy(name, "wren").mistakes, read_pcm, SHAPE):
        assert file.replace("_", "").replace("-", "").replace(".", "").isalnum()
        assert not file.startswith(".")
        assert len(file) < 100


def test_species_whose_names_look_alike_keep_their_files(
    make_accuracy: MakeAccuracy, read_pcm: PcmOf
) -> None:
    mistakes = make_accuracy("Tit, great", "tit_great", "tit great").mistakes
    assert sum(name.endswith(".wav") for name in cut_mistakes(mistakes, read_pcm, SHAPE)) == len(mistakes)


def test_the_page_escapes_what_comes_from_files(make_accuracy: MakeAccuracy, read_pcm: PcmOf) -> None:
    hostile = "<script>alert(1)</script>\"'"
    mistakes = [replace(one, path=hostile) for one in make_accuracy(hostile).mistakes]
    page = cut_mistakes(mistakes, read_pcm, SHAPE)[PAGE].decode()
    assert "<script" not in page
    assert page.count("<audio ") == len(mistakes)
    assert cut_mistakes([], read_pcm, SHAPE)[PAGE]
