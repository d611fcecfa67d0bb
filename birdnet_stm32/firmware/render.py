"""Renders a complete CMake project for a board: nothing of it is edited afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from birdnet_stm32.errors import InputError
from birdnet_stm32.firmware import boards
from birdnet_stm32.paths import firmware_templates
from birdnet_stm32.templating import render

_NEEDED_MODEL_FILES = ("CMakeLists.txt", "birdnet_network.h", "birdnet_frontend_config.h")
_VECTORS = "birdnet_test_vectors.h"
_SELF_TEST = ("self_test.h", "self_test.c", "host_link.h", "host_link.c")


@dataclass(frozen=True, kw_only=True)
class FirmwareSettings:
    """What the application is told at build time.

    Args:
        threshold: probability at which a class counts as detected, above 0 and up to 1.
        top_k: most detections a recording, 1 to 1,000.
        title: the firmware's name for people.
        version: its version.
    """

    threshold: float
    top_k: int
    title: str
    version: str

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise InputError(f"threshold is {self.threshold}", expected="a probability above 0 and up to 1")
        if not 1 <= self.top_k <= 1_000:
            raise InputError(f"top_k is {self.top_k}", expected="1 to 1000 detections a recording")


def render_project(
    board: str, model_files: Mapping[str, bytes], settings: FirmwareSettings
) -> dict[str, bytes]:
    """Render the project of ``board`` around a generated model.

    Args:
        board: one of ``boards.names()``.
        model_files: the C folder that codegen generated, content by relative path.
        settings: threshold and names.

    Returns:
        Content by relative path, sorted by path.

    Raises:
        InputError: there is no such board, or the model lacks the front end or, for a board that tests
            itself, the stored windows.
    """
    description = boards.read(boards.folder(board) / "board.toml")
    needed = (*_NEEDED_MODEL_FILES, *((_VECTORS,) if description.self_test else ()))
    missing = [name for name in needed if name not in model_files]
    if missing:
        raise InputError(
            f"the generated model lacks {', '.join(missing)}",
            where=board,
            expected="a model generated with its contract" + (" and test vectors" * description.self_test),
        )
    context: dict[str, Any] = {
        "board": description,
        "memory": description.regions,
        "settings": settings,
        "model_digest": model_digest(model_files),
    }
    files = {f"src/model/{name}": content for name, content in model_files.items()}
    files |= _folder("app", "src/app", context, without=() if description.self_test else _SELF_TEST)
    files |= _folder(f"boards/{board}", "src/board", context, without=("board.toml",))
    files["board.toml"] = (boards.folder(board) / "board.toml").read_bytes()
    sources = sorted(
        name for name in files if name.startswith(("src/app/", "src/board/")) and name.endswith((".c", ".S"))
    )
    files |= _folder("project", "", {**context, "sources": sources})
    return dict(sorted(files.items()))


def model_digest(model_files: Mapping[str, bytes]) -> str:
    """Return 16 hexadecimal digits that tell one generated model from another: a firmware says them."""
    digest = hashlib.sha256()
    for name, content in sorted(model_files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def _folder(
    source: str, target: str, context: Mapping[str, Any], *, without: tuple[str, ...] = ()
) -> dict[str, bytes]:
    """Return the files of a template folder, ``*.j2`` rendered, without those named."""
    root = firmware_templates()
    files = {}
    for path in sorted((root / source).rglob("*")):
        if not path.is_file() or path.name in without:
            continue
        name = str(Path(target) / path.relative_to(root / source).as_posix())
        if path.suffix == ".j2":
            files[name.removesuffix(".j2")] = render(path.relative_to(root).as_posix(), context).encode()
        else:
            files[name] = path.read_bytes()
    return files
