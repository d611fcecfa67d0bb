"""Files that commands read and write."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import (
    FLOAT_FRONT_END_FILE,
    ModelContract,
    contract_to_json,
    read_contract,
)
from birdnet_stm32.frontend.labels import LabelOrder, read_labels, reconcile
from birdnet_stm32.frontend.mixer import save_mixer
from birdnet_stm32.store import canonical_json, write_tree

# As published, and as the pipeline has it beside model.tflite.
CONFIG_SUFFIXES = ("_model_config.json", "_config.json")
LABELS_SUFFIX = "_labels.txt"


def contract_of(model: Path, given: Path | None) -> ModelContract:
    """Return the model's configuration: the file given, or the one beside it.

    Raises:
        InputError: there is no model, no configuration, or it is wrong.
    """
    if not model.exists():
        raise InputError("there is no such file", where=model)
    if given is not None:
        return _with_labels_beside(model, read_contract(given))
    found = beside(model, *CONFIG_SUFFIXES)
    if found is None:
        raise InputError(
            f"has no model configuration beside it: there is no {model.stem}{CONFIG_SUFFIXES[0]}",
            where=model,
            remedy="name the *_model_config.json that was written with the model",
        )
    return _with_labels_beside(model, read_contract(found))


def _with_labels_beside(model: Path, contract: ModelContract) -> ModelContract:
    """Return ``contract``, if a label file beside the model says the same as its class names."""
    labels = beside(model, LABELS_SUFFIX)
    if labels is not None:
        labels_to_show(labels, contract, order=None)
    return contract


def labels_to_show(path: Path, contract: ModelContract, *, order: LabelOrder | None) -> tuple[str, ...]:
    """Return the names of a label file in the order of the outputs.

    Args:
        path: the label file.
        contract: the model's configuration.
        order: whose order holds if the two differ; None: neither's.

    Raises:
        InputError: the file cannot be read, or contradicts the configuration.
    """
    return reconcile(
        read_labels(path),
        contract.labels,
        order=order,
        where=path,
        remedy=(
            "put the one of the two that is wrong into the order of the network's outputs",
            "codegen: --label-order labels or --label-order configuration says whose order that is",
        ),
    )


def beside(model: Path, *suffixes: str) -> Path | None:
    """Return the first file ``<stem><suffix>`` that is there, or None."""
    files = (model.with_name(model.stem + suffix) for suffix in suffixes)
    return next((path for path in files if path.is_file()), None)


def check_writable(*paths: Path | None) -> None:
    """Refuse outputs that cannot be written: before the work, not after it. Nothing is made.

    Args:
        paths: files to be written; None and ``-``, standard output, are no files.

    Raises:
        InputError: one is a folder, or its folder is a file or read-only.
    """
    for path in paths:
        if path is None or str(path) == "-":
            continue
        folder = next(parent for parent in path.parents if parent.exists())
        if path.is_dir():
            raise InputError("is a folder", where=path, expected="the name of a file to write")
        if not folder.is_dir():
            raise InputError("is a file", where=folder, expected=f"a folder, to write {path} into")
        if not os.access(folder, os.W_OK):
            raise InputError(f"{path} cannot be written: the folder is read-only", where=folder)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a whole file or nothing. Raises: InputError."""
    check_writable(path)
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


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files by relative path below ``folder``. Raises: InputError."""
    try:
        write_tree(folder, files)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=folder) from error


def say(text: str, json: Path | None) -> None:
    """Print a line for people: on standard error where standard output is taken by ``--json -``."""
    print(text, file=sys.stderr if str(json) == "-" else sys.stdout)


def write_json(path: Path | None, fields: object) -> None:
    """Write ``fields`` to ``path``; ``-`` is standard output, None nowhere."""
    if path is None:
        return
    text = canonical_json(fields)
    if str(path) == "-":
        sys.stdout.write(text)
    else:
        write_atomically(path, text.encode())
