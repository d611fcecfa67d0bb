"""Files that commands read and write."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import ModelContract, read_contract
from birdnet_stm32.store import canonical_json

# As published, and as the pipeline has it beside model.tflite.
CONFIG_SUFFIXES = ("_model_config.json", "_config.json")


def read_file(path: Path) -> bytes:
    """Return the content of a file that the user named. Raises: InputError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=path) from error


def contract_of(model: Path, given: Path | None) -> ModelContract:
    """Return the model's configuration: the file given, or the one beside it.

    Raises:
        InputError: there is neither, or it is wrong.
    """
    if given is not None:
        return read_contract(given)
    found = beside(model, *CONFIG_SUFFIXES)
    if found is None:
        raise InputError(
            f"has no model configuration beside it: there is no {model.stem}{CONFIG_SUFFIXES[0]}",
            where=model,
            remedy="name the *_model_config.json that was written with the model",
        )
    return read_contract(found)


def beside(model: Path, *suffixes: str) -> Path | None:
    """Return the first file ``<stem><suffix>`` that is there, or None."""
    files = (model.with_name(model.stem + suffix) for suffix in suffixes)
    return next((path for path in files if path.is_file()), None)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a whole file or nothing. Raises: InputError."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=path) from error


def write_json(path: Path | None, fields: object) -> None:
    """Write ``fields`` to ``path``; ``-`` is standard output, None nowhere."""
    if path is None:
        return
    text = canonical_json(fields)
    if str(path) == "-":
        sys.stdout.write(text)
    else:
        write_atomically(path, text.encode())
