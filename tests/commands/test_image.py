import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from birdnet_stm32.firmware.image import parse


def test_a_binary_becomes_an_image_with_its_address(command: Callable[..., Any], files: Path) -> None:
    ended = command("image", "firmware.bin", "--out", "new/app.bin", "--json", "app.json")
    assert (ended.exit_code, ended.err) == (0, "")
    assert ended.out == "new/app.bin: 3,040 bytes for 0x70100000\n"
    image = (files / "new" / "app.bin").read_bytes()
    assert parse(image).entry == 0x3400_0801
    assert (files / "firmware.bin").read_bytes() in image
    assert json.loads((files / "app.json").read_text()) == {
        "address": 0x7010_0000,
        "bytes": 3_040,
        "type": "application",
    }


def test_hex_holds_the_address_and_json_has_standard_output_to_itself(
    command: Callable[..., Any], files: Path
) -> None:
    ended = command("image", "firmware.bin", "--out", "app.hex", "--json", "-")
    assert ended.exit_code == 0
    assert json.loads(ended.out)["address"] == 0x7010_0000
    assert ended.err == "app.hex: 3,040 bytes for 0x70100000\n"
    assert (files / "app.hex").read_text().startswith(":020000047010")
