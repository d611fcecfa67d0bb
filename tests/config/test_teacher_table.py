"""The table of a teacher: what belongs together, and what contradicts itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from birdnet_stm32.config.variant_file import load_variant
from birdnet_stm32.errors import InputError

MODEL = 'model = "t.tflite"\nlabels = "l.txt"\nlicence = "MIT"\n'


def load(folder: Path, teacher: str, rest: str = "") -> object:
    path = folder / "birds.toml"
    path.write_text(f'[variant]\ntitle = "x"\n[index]\nroot = "r"\n[teacher]\n{teacher}{rest}')
    return load_variant(path)


@pytest.mark.parametrize(
    "teacher",
    [
        MODEL,
        'cache = "c"\nlicence = "MIT"\nweight = 0.25\n',
        'model = "t.keras"\nconfig = "c.json"\nlicence = "MIT"\n',
        'model = "saved"\nlabels = "l.txt"\nlicence = "MIT"\nsample_rate_hz = 32_000\nembedding = "e"\n',
    ],
)
def test_what_belongs_together_is_read(tmp_path: Path, teacher: str) -> None:
    load(tmp_path, teacher)


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        ('model = "t.tflite"\nlabels = "l.txt"\n', "licence"),
        ('licence = "MIT"\n', "either model or cache"),
        (MODEL + 'cache = "c"\n', "either model or cache"),
        ('cache = "c"\nlabels = "l.txt"\nlicence = "MIT"\n', "leave out labels"),
        ('model = "t.tflite"\nlicence = "MIT"\n', "needs labels"),
        ('model = "t.keras"\nlabels = "l.txt"\nlicence = "MIT"\n', "needs its model configuration"),
        (MODEL + 'config = "c.json"\nsample_rate_hz = 48_000\n', "already fixes sample_rate_hz"),
        (MODEL + "weight = 1.5\n", "weight"),
        (MODEL + 'output = "logits"\n', "outputs"),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, teacher: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        load(tmp_path, teacher)
    assert message in str(refused.value)


def test_a_choice_by_a_teacher_needs_one(tmp_path: Path) -> None:
    path = tmp_path / "birds.toml"
    path.write_text('[variant]\ntitle = "x"\n[index]\nroot = "r"\n[windows]\nselect = "teacher"\n')
    with pytest.raises(InputError, match="needs a teacher: add the table"):
        load_variant(path)
