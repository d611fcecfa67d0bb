"""What a model learned from is kept beside it, and left out of its evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest

from birdnet_stm32.audio.index.learned_from import (
    learned_from,
    learned_from_text,
    read_learned_from,
)
from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.errors import InputError


def row(name: str, part: str, digest: str, reason: str = "") -> IndexRow:
    """An index row; what is not named here does not matter."""
    given = {"path": name, "label": "tit", "split": part, "digest": digest, "reason": reason}
    fields = {**dict.fromkeys(IndexRow.__dataclass_fields__, ""), **given}
    return IndexRow(**fields)  # type: ignore[arg-type]


TRAINED, CHOSEN, LEFT_OUT, TESTED = "a" * 64, "b" * 64, "c" * 64, "e" * 64
ROWS = (
    row("tit/a.wav", "train", TRAINED),
    row("tit/b.wav", "validation", CHOSEN),
    row("tit/c.wav", "", LEFT_OUT, "silent"),
    row("tit/e.wav", "test", TESTED),
)


def test_the_table_holds_digests_and_no_names(tmp_path: Path) -> None:
    text = learned_from_text(learned_from(ROWS))
    assert "tit" not in text
    assert LEFT_OUT not in text
    path = tmp_path / "m_learned_from.tsv"
    path.write_text(text)
    assert read_learned_from(path) == {TRAINED: "train", CHOSEN: "validation"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("x\n", 1),
        (f"sha256\tuse\n{TRAINED}\ttrain\nnonsense\n", 3),
        (f"sha256\tuse\n{TRAINED}\ttest\n", 2),
    ],
)
def test_another_table_is_refused_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    path = tmp_path / "m_learned_from.tsv"
    path.write_text(text)
    with pytest.raises(InputError, match="is not a table") as refused:
        read_learned_from(path)
    assert refused.value.where == f"{path}:{line}"
