"""The files of a model as commands read and name them. ``outputs.py`` writes them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from birdnet_stm32.audio.index.learned_from import learned_from_text, read_learned_from
from birdnet_stm32.audio.index.learned_from_name import LEARNED_FROM_SUFFIX
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.json_file import canonical_json
from birdnet_stm32.frontend.config_names import CONFIG_SUFFIXES
from birdnet_stm32.frontend.contract import (
    FLOAT_FRONT_END_FILE,
    ModelContract,
    contract_to_json,
    read_contract,
)
from birdnet_stm32.frontend.labels import LabelOrder, read_labels, reconcile_labels
from birdnet_stm32.frontend.mixer import save_mixer

LABELS_SUFFIX = "_labels.txt"
LABELS = "labels.txt"
_STEM_IN_BUNDLES = "model"


def contract_of(model: Path, given: Path | None) -> ModelContract:
    """Return the configuration of a model: the given file, or the one beside the model.

    Raises:
        InputError: there is no model, no configuration, or it is wrong.
    """
    if not model.exists():
        raise InputError("there is no such file", where=model)
    if given is not None:
        return _with_labels_beside(model, read_contract(given))
    found = file_beside(model, *CONFIG_SUFFIXES)
    if found is None and model.is_dir():
        raise InputError("is a folder", where=model, expected="a model: one .keras or .tflite file")
    if found is None:
        raise InputError(
            f"has no model configuration beside it: there is no {model.stem}{CONFIG_SUFFIXES[0]}",
            where=model,
            remedy="name the *_model_config.json that was written with the model",
        )
    return _with_labels_beside(model, read_contract(found))


def _with_labels_beside(model: Path, contract: ModelContract) -> ModelContract:
    """Return ``contract`` after comparing its class names with a label file beside the model."""
    labels = labels_beside(model)
    if labels is not None:
        labels_to_show(labels, contract, order=None)
    return contract


def labels_to_show(path: Path, contract: ModelContract, *, order: LabelOrder | None) -> tuple[str, ...]:
    """Return the names of a label file in the order of the outputs.

    Args:
        path: the label file.
        contract: the model's configuration.
        order: which of the two has the order of the outputs if they differ; None: a difference is refused.

    Raises:
        InputError: the file cannot be read, or contradicts the configuration.
    """
    return reconcile_labels(
        read_labels(path),
        contract.labels,
        order=order,
        where=path,
        remedy=(
            "bring the wrong one of the two into the order of the network's outputs",
            "codegen: --label-order labels or --label-order configuration says which of the two is right",
        ),
    )


def file_beside(model: Path, *suffixes: str) -> Path | None:
    """Return the first existing file ``<stem><suffix>``, or None."""
    files = (model.with_name(model.stem + suffix) for suffix in suffixes)
    return next((path for path in files if path.is_file()), None)


def labels_beside(model: Path) -> Path | None:
    """Return the label file beside a model: one named after it, or ``labels.txt`` in a stage or bundle."""
    in_bundles = model.with_name(LABELS) if model.stem == _STEM_IN_BUNDLES else None
    named = file_beside(model, LABELS_SUFFIX)
    return in_bundles if named is None and in_bundles is not None and in_bundles.is_file() else named


def learned_beside(model: Path) -> dict[str, str] | None:
    """Return the recordings that a model learned from, by SHA-256, or None if no table beside it lists them.

    Raises:
        InputError: the file exists but is not such a table.
    """
    table = file_beside(model, LEARNED_FROM_SUFFIX)
    return None if table is None else read_learned_from(table)


def files_beside_model(
    model: Path, contract: ModelContract, learned: Mapping[str, str] | None = None
) -> dict[str, bytes]:
    """Return the files to write beside a model, by name, in the form of the published versions.

    Args:
        model: the file of the model.
        contract: contract of the model.
        learned: the recordings that it learned from, see the module ``learned_from``; None if unknown.
    """
    files = {
        model.stem + CONFIG_SUFFIXES[0]: canonical_json(contract_to_json(contract)).encode(),
        model.stem + LABELS_SUFFIX: "".join(f"{label}\n" for label in contract.labels).encode(),
    }
    if contract.frontend.mixer is not None:
        with tempfile.TemporaryDirectory() as folder:
            mixer = Path(folder) / FLOAT_FRONT_END_FILE
            save_mixer(mixer, contract.frontend.mixer)
            files[FLOAT_FRONT_END_FILE] = mixer.read_bytes()
    if learned is not None:
        files[model.stem + LEARNED_FROM_SUFFIX] = learned_from_text(learned).encode()
    return files
