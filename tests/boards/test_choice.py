"""What a variant says about boards has to fit them, and a mistake is explained with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from birdnet_stm32.boards import folders
from birdnet_stm32.config.variant import FirmwareTable, json_schema
from birdnet_stm32.config.variant_file import load_variant
from birdnet_stm32.errors import InputError

HEAD = '[variant]\ntitle = "T"\n[index]\nroot = "r"\n[codegen]\nbackend = "stedgeai"\n'


def load(folder: Path, text: str) -> None:
    path = folder / "mine.toml"
    path.write_text(HEAD + text)
    load_variant(path)


def test_the_schema_lists_the_folders() -> None:
    boards = json_schema()["$defs"]["FirmwareTable"]["properties"]["boards"]
    assert boards["items"]["enum"] == list(folders.names())
    assert tuple(boards["default"]) == folders.default_names() == FirmwareTable().boards


def test_a_misspelt_board_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mine\.toml:8[\s\S]*did you mean 'mps3_an547'\?"):
        load(tmp_path, '[firmware]\nboards = ["mps3_an574"]\n')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[firmware]\nboards = ["mps3_an547", "mps3_an547"]\n', "names a board twice"),
        (
            '[firmware]\nboards = ["nucleo_n657x0_q", "stm32n6570_dk"]\n',
            "names nucleo_n657x0_q and stm32n6570_dk: a release is flashed to one kind of board",
        ),
        (
            '[firmware]\nboards = ["nucleo_n657x0_q"]\n[npu]\nweights_address = 0x7500_0000\n',
            "from 0x70200000 to 0x73FF0000 for the board nucleo_n657x0_q",
        ),
        (
            '[firmware]\nboards = ["nucleo_n657x0_q"]\n[npu]\nhyperram = true\n',
            "hyperram needs an external RAM, and the board nucleo_n657x0_q has none",
        ),
        ("[npu]\nweights_address = 0x7018_0000\n", "should be a multiple of 0x10000 from 0x70200000 to"),
        ("[npu]\nweights_address = 0x7040_0001\n", "should be a multiple of 0x10000 from 0x70200000 to"),
        ("[npu]\nweights_address = 0x7800_0000\n", "should be a multiple of 0x10000 from 0x70200000 to"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load(tmp_path, text)
