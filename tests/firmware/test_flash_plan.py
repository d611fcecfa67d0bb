from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from birdnet_stm32.boards import folders
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.document import write_document
from birdnet_stm32.firmware.flash_layout import flash_files, flash_map
from birdnet_stm32.firmware.flash_plan import FlashPlan, make_plan, read_plan
from birdnet_stm32.firmware.image import boot_image

BOARD = folders.find("stm32n6570_dk")
FLASH = folders.require(BOARD.flash, BOARD, "flash")
IMAGE = boot_image(struct.pack("<II", 0x3410_0000, 0x3400_0409) + bytes(range(100)))
WEIGHTS = bytes(range(200))


def write(folder: Path, contents: dict[str, bytes], plan: FlashPlan) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in flash_files(contents, flash_map(FLASH)).items():
        (folder / f"{name}.hex").write_text(text)
    write_document(plan, folder)
    return folder


def planned(**contents: bytes) -> FlashPlan:
    addresses = {name: slot.address for name, slot in flash_map(FLASH).items()}
    return make_plan(contents, addresses, title="T", version="1.0.0", model="0123456789abcdef")


@pytest.fixture
def release(tmp_path: Path) -> Path:
    contents = {"application": IMAGE, "weights": WEIGHTS}
    return write(tmp_path / "image", contents, planned(**contents))


def test_a_plan_survives_its_file(release: Path) -> None:
    plan = read_plan(release, FLASH)
    assert plan == planned(application=IMAGE, weights=WEIGHTS)
    assert [(part.name, part.address) for part in plan.parts] == [
        ("weights", 0x7040_0000),
        ("application", 0x7010_0000),
    ], "the application goes last: it must not start before its weights are there"


def test_weights_of_another_release_are_refused(release: Path) -> None:
    (release / "weights.hex").write_text(flash_files({"weights": b"other" * 40}, flash_map(FLASH))["weights"])
    with pytest.raises(InputError, match="something else than the release's plan") as caught:
        read_plan(release, FLASH)
    assert "one release only" in str(caught.value)


def test_the_same_bytes_at_another_address_are_refused(release: Path) -> None:
    moved = flash_files({"weights": WEIGHTS}, flash_map(FLASH, 0x7018_0000))["weights"]
    (release / "weights.hex").write_text(moved)
    with pytest.raises(InputError, match="something else"):
        read_plan(release, FLASH)


def test_a_file_that_is_cut_off_is_refused(release: Path) -> None:
    text = (release / "application.hex").read_text()
    (release / "application.hex").write_text(text[: len(text) // 2])
    with pytest.raises(InputError, match=r"no valid record|cut off"):
        read_plan(release, FLASH)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("address", 0x7000_0000, "in no slot"),
        ("name", "other", "in no slot"),
        ("file", "../application.hex", "in no slot"),
        ("file", "missing.hex", "there is no such file"),
        ("address", "0x70100000", "parts.1.address is '0x70100000'"),
        ("address", -1, "parts.1.address is -1"),
        ("address", 2**63, "parts.1.address is 9223372036854775808"),
        ("file", 3, "parts.1.file is 3"),
        ("file", "a\udc80.hex", "half a character"),
        ("file", None, "parts.1.file is None"),
        ("name", ["application"], r"parts.1.name is \['application'\]"),
        ("sha256", 1.5, "parts.1.sha256 is 1.5"),
        ("size_bytes", {}, "parts.1.size_bytes is a table"),
        ("more", 1, "parts.1.more is not known"),
    ],
)
def test_a_plan_that_is_not_ours_is_refused(release: Path, key: str, value: object, message: str) -> None:
    fields = json.loads((release / "flash.json").read_text())
    fields["parts"][1][key] = value
    (release / "flash.json").write_text(json.dumps(fields))
    with pytest.raises(InputError, match=message):
        read_plan(release, FLASH)


@pytest.mark.parametrize("text", ["{}", '{"parts": 1}', '{"parts": [{}]}', '{"parts": []}'])
def test_text_that_is_no_plan_is_refused(release: Path, text: str) -> None:
    (release / "flash.json").write_text(text)
    with pytest.raises(InputError, match="no flash plan"):
        read_plan(release, FLASH)


@pytest.mark.parametrize(
    ("text", "said"), [("", "is empty"), ("[]", "holds a list"), ("[" * 9_999, "deeper")]
)
def test_what_is_no_json_object_is_refused(release: Path, text: str, said: str) -> None:
    (release / "flash.json").write_text(text)
    with pytest.raises(InputError, match=said):
        read_plan(release, FLASH)


def test_a_missing_plan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        read_plan(tmp_path, FLASH)
