"""Find what a firmware expects of its head: in a variant's build, a folder, a bundle or an ELF file."""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path

from birdnet_stm32.codegen.head.document import HeadDocument
from birdnet_stm32.commands.shared.variant_option import published_folder
from birdnet_stm32.engine.release import load_release
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.document import parse_document, read_document
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.firmware.head_in_elf import expectation_in_elf
from birdnet_stm32.stages.inputs.file_names import C_FOLDER

_MAX_BYTES = 2**20  # of a head.json in a bundle
# Where head.json lies in a library, in the outputs of the stage codegen, and in a board's project.
_PLACES = (Path(), Path(C_FOLDER), Path(C_FOLDER) / "src", Path("src/model"))
_WITHOUT = "was not built with a head of its own"
_REMEDY = "[codegen] split_head = true, or `birdnet-stm32 codegen --split-head`, and build again"


def head_target(named: str, options: argparse.Namespace) -> HeadDocument:
    """Return what a firmware expects of its head.

    Args:
        named: a file or folder, or the name of a variant.
        options: with the folders of variants and builds.

    Raises:
        InputError: there is no such firmware, or it has no head of its own.
    """
    path = Path(named)
    if not path.exists():
        if path.suffix or len(path.parts) > 1:
            raise InputError("there is no such file or folder", where=path)
        release = load_release(named, options.variants, options.build)
        return _in_folder(published_folder(release, "codegen") / C_FOLDER)
    if path.is_dir():
        return _in_folder(path)
    if path.suffix == ".zip":
        return _in_bundle(path)
    if path.suffix == ".json":
        return parse_document(HeadDocument, read_bytes(path), where=path)
    return expectation_in_elf(path)


def _in_folder(folder: Path) -> HeadDocument:
    for place in _PLACES:
        if (folder / place / HeadDocument.FILE).is_file():
            return read_document(HeadDocument, folder / place)
    raise InputError(_WITHOUT, where=folder, expected=f"a {HeadDocument.FILE} in it", remedy=_REMEDY)


def _in_bundle(path: Path) -> HeadDocument:
    try:
        with zipfile.ZipFile(path) as bundle:
            names = sorted(name for name in bundle.namelist() if name.split("/")[-1] == HeadDocument.FILE)
            if not names:
                raise InputError(_WITHOUT, where=path, expected=f"a {HeadDocument.FILE}", remedy=_REMEDY)
            with bundle.open(names[0]) as stream:
                content = stream.read(_MAX_BYTES + 1)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, ValueError) as error:
        raise InputError(f"cannot be read as a bundle: {error}", where=path) from error
    if len(content) > _MAX_BYTES:
        raise InputError(f"{names[0]} has more than {_MAX_BYTES:,} bytes", where=path)
    return parse_document(HeadDocument, content, where=f"{path}: {names[0]}")
