from __future__ import annotations

from pathlib import Path

import pytest

from birdnet_stm32.audio import packages
from birdnet_stm32.audio.credits import RecordingCredit, credit_key, read_credits
from birdnet_stm32.config.recording_tables import IndexTable, Package
from birdnet_stm32.config.variant import Variant
from birdnet_stm32.errors import InputError


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_three_columns_are_enough_in_any_order_and_with_a_mark(tmp_path):
    path = write(tmp_path / "mine.tsv", "credit\tfile\tlicence", "Ada\towl/1.wav\tCC BY 4.0")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_credits(path) == {
        "owl/1.wav": RecordingCredit(file="owl/1.wav", licence="CC BY 4.0", credit="Ada"),
    }


def test_what_fetch_writes_is_read(tmp_path):
    file = {"member": "m.wav", "sha256": "0" * 64, "label": "cafe\u0301", "name": "f1.wav"}
    fields = {"name": "finches", "version": "1.2", "sha256": "1" * 64, "licence": "MIT", "credit": '"Ada"'}
    text = packages._credits([Package.model_validate(fields | {"files": [file]})])
    (tmp_path / "CREDITS.tsv").write_text(text, encoding="utf-8")
    (entry,) = read_credits(tmp_path / "CREDITS.tsv").values()
    assert (entry.file, entry.label, entry.package) == ("caf\u00e9/f1.wav", "caf\u00e9", "finches 1.2")
    assert (entry.credit, entry.sha256) == ('"Ada"', "0" * 64)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([], r"credits.tsv:1: has the columns \(none\)"),
        (["file\tlicence"], "credits.tsv:1: has the columns file, licence"),
        (["file\tlicence\tcredit\tlicense"], "has the columns file, licence, credit, license"),
        (["file,licence,credit", "owl/1.wav,MIT,Ada"], "credits.tsv:1: has the columns file,licence,credit"),
        (["file\tlicence\tcredit", "owl/1.wav\tMIT"], "credits.tsv:2: has 2 cells"),
        (["file\tlicence\tcredit", "owl/1.wav\t \tAda"], "credits.tsv:2: licence is empty"),
        (["file\tlicence\tcredit", *["owl/1.wav\tMIT\tAda"] * 2], "credits.tsv:3: credits owl/1.wav again"),
        (["file\tlicence\tcredit\tsha256", "owl/1.wav\tMIT\tAda\tabc"], "credits.tsv:2: sha256 is abc"),
    ],
)
def test_what_is_no_table_of_credits_is_refused_with_its_line(tmp_path, lines, problem):
    with pytest.raises(InputError, match=problem):
        read_credits(write(tmp_path / "credits.tsv", *lines))


def test_a_recording_is_found_by_what_a_table_can_say_of_its_name():
    assert credit_key("cafe\u0301/a\tb.wav") == "caf\u00e9/a\\tb.wav"


def test_credits_of_no_folder_are_a_mistake():
    with pytest.raises(ValueError, match="there is no root"):
        IndexTable(credits="credits.tsv")
    assert Variant.model_validate(
        {"variant": {"title": "x"}, "index": {"root": "birds", "credits": "credits.tsv"}}
    )
