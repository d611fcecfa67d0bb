"""Files that commands read and write."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import (
    FLOAT_FRONT_END_FILE,
    ModelContract,
    contract_to_json,
    read_contract,
)
from birdnet_stm32.frontend.mixer import save_mixer
from birdnet_stm32.store import canonical_json

# As published, and as the pipeline has it beside model.tflite.
CONFIG_SUFFIXES = ("_model_config.json", "_config.json")
LABELS_SUFFIX = "_labels.txt"


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


def write_sidecars(model: Path, contract: ModelContract) -> None:
    """Write a model's configuration and labels beside it, named as the published lines have them.

    Raises:
        InputError: a file cannot be written.
    """
    if contract.frontend.mixer is not None:
        with tempfile.TemporaryDirectory() as folder:
            mixer = Path(folder) / FLOAT_FRONT_END_FILE
            save_mixer(mixer, contract.frontend.mixer)
            write_atomically(model.with_name(FLOAT_FRONT_END_FILE), mixer.read_bytes())
    config = canonical_json(contract_to_json(contract))
    write_atomically(model.with_name(model.stem + CONFIG_SUFFIXES[0]), config.encode())
    labels = "".join(f"{label}\n" for label in contract.labels)
    write_atomically(model.with_name(model.stem + LABELS_SUFFIX), labels.encode())


def write_json(path: Path | None, fields: object) -> None:
    """Write ``fields`` to ``path``; ``-`` is standard output, None nowhere."""
    if path is None:
        return
    text = canonical_json(fields)
    if str(path) == "-":
        sys.stdout.write(text)
    else:
        write_atomically(path, text.encode())
