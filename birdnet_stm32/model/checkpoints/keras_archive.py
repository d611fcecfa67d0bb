"""Read and write a ``.keras`` file as data: a configuration and named weights, bounded in size.

The zip archive holds ``metadata.json``, ``config.json`` and ``model.weights.h5``. In the HDF5 file, every
layer has a group ``.../vars`` with its weights as data sets ``0``, ``1``, ..., and, since Keras 3, the
layer's name as an attribute. This module does not import Keras, and no member is ever written to disk under
its own name.
"""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.json_file import json_object, parse_json
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.model.checkpoints import hdf5
from birdnet_stm32.terminal_text import printable

METADATA, CONFIG, WEIGHTS = "metadata.json", "config.json", "model.weights.h5"

# Far more than a network that fits the board needs, and far less than would harm the machine that opens it.
MAX_METADATA_BYTES = 64 << 10
MAX_CONFIG_BYTES = 8 << 20
MAX_WEIGHTS_BYTES = 256 << 20
MAX_FILE_BYTES = MAX_WEIGHTS_BYTES + (16 << 20)
MAX_DIRECTORY_BYTES = 1 << 20

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip can hold
_END_OF_DIRECTORY, _END_BYTES, _MAX_COMMENT_BYTES = b"PK\x05\x06", 22, 65_535
_EXPECTED = "a .keras archive, as model.save('model.keras') of Keras writes it"
_REMEDY = "train it again, or name another checkpoint"


@dataclass(frozen=True, kw_only=True)
class KerasArchive:
    """The content of a ``.keras`` file.

    Args:
        config: the model's configuration, not checked yet.
        weights: float32 arrays by layer name, in Keras's order. Layers without weights are left out.
        keras_version: version of Keras that wrote the file; empty if the file does not say it.
    """

    config: dict[str, Any]
    weights: Mapping[str, tuple[NDArray[np.float32], ...]]
    keras_version: str = ""


def read(path: Path) -> KerasArchive:
    """Read a ``.keras`` file without deserialising anything.

    Args:
        path: the file.

    Raises:
        InputError: the file is missing, damaged or too large, or its members are not those that Keras writes.
    """
    if path.is_dir():
        raise _a_folder(path)
    content = read_bytes(path, max_bytes=MAX_FILE_BYTES)
    _check_kind(content, path)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_members(archive, path)
            metadata = _member(archive, METADATA, MAX_METADATA_BYTES, path, optional=True)
            config = _member(archive, CONFIG, MAX_CONFIG_BYTES, path)
            weights = _member(archive, WEIGHTS, MAX_WEIGHTS_BYTES, path)
    except (
        *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError),
        *(OSError, ValueError, struct.error),
    ) as error:
        raise InputError(
            "is damaged: it cannot be unpacked", where=path, expected=_EXPECTED, remedy=_REMEDY
        ) from error
    fields = json_object(parse_json(config, where=f"{path}, {CONFIG}"), where=f"{path}, {CONFIG}")
    groups = hdf5.read_groups(weights, max_bytes=MAX_WEIGHTS_BYTES, where=f"{path}, {WEIGHTS}")
    return KerasArchive(
        config=fields, weights=_by_layer(groups, fields, path), keras_version=_version(metadata, path)
    )


def write(path: Path, *, config: dict[str, Any], weights_h5: bytes, keras_version: str) -> None:
    """Write a ``.keras`` file whose bytes depend only on the arguments."""
    members = {
        METADATA: json.dumps({"keras_version": keras_version}).encode(),
        CONFIG: json.dumps(config).encode(),
        WEIGHTS: weights_h5,
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)


def _a_folder(path: Path) -> InputError:
    """Say what a folder in place of a checkpoint is, and how to make a checkpoint of it."""
    if (path / "saved_model.pb").exists():
        return InputError(
            "is a SavedModel folder of TensorFlow, which holds compiled code",
            where=path,
            expected=_EXPECTED,
            remedy=(
                "in the program that trained it: model.save('model.keras')",
                "with Keras 2 (tf_keras): tf_keras.models.load_model(folder).save('model.keras')",
            ),
        )
    if (path / CONFIG).exists():
        return InputError(
            "is an unpacked .keras archive",
            where=path,
            expected=_EXPECTED,
            remedy=f"inside the folder: zip -0 ../packed.keras {METADATA} {CONFIG} {WEIGHTS}",
        )
    return InputError("is a folder", where=path, expected=_EXPECTED)


def _check_kind(content: bytes, path: Path) -> None:
    """Refuse files of other kinds, each with its name, and a zip with a far too large table of contents."""
    if content[:8] == b"\x89HDF\r\n\x1a\n":
        raise InputError(
            "is a HDF5 file: weights alone, or the format that Keras used before .keras",
            where=path,
            expected=_EXPECTED,
            remedy=(
                "a whole model: keras.models.load_model('old.h5', compile=False).save('model.keras')",
                "weights alone: build the model in its own program, load_weights, model.save('model.keras')",
            ),
        )
    if content[4:8] == b"TFL3":
        raise InputError(
            "is a .tflite, which is converted already",
            where=path,
            expected=_EXPECTED,
            remedy="birdnet-stm32 codegen and emulate take it as it is",
        )
    end = content.rfind(_END_OF_DIRECTORY, max(0, len(content) - _END_BYTES - _MAX_COMMENT_BYTES))
    if end < 0 or len(content) < end + _END_BYTES:
        raise InputError(
            "is damaged: it is not a zip archive, or its end is missing",
            where=path,
            expected=_EXPECTED,
            remedy=("copy it again, if its size differs from the original's", _REMEDY),
        )
    (directory_bytes,) = struct.unpack_from("<I", content, end + 12)
    if directory_bytes > MAX_DIRECTORY_BYTES:
        raise InputError(
            f"has a table of contents of {directory_bytes:,} bytes",
            where=path,
            expected=f"at most {MAX_DIRECTORY_BYTES:,}",
        )


def _check_members(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse members that appear twice, which readers may resolve differently, or that lie outside."""
    counts = Counter(info.filename for info in archive.infolist())
    for name, count in counts.items():
        if count > 1:
            raise InputError(
                f"holds {printable(name, longest=80)} {count} times", where=path, expected=_EXPECTED
            )
        parts = re.split(r"[/\\]", name)
        if ".." in parts or parts[0] == "" or ":" in parts[0]:
            raise InputError(
                f"holds a member outside of itself, {printable(name, longest=80)!r}",
                where=path,
                expected=_EXPECTED,
                remedy="do not unpack it; take the checkpoint from where you trust",
            )


def _member(
    archive: zipfile.ZipFile, name: str, limit_bytes: int, path: Path, *, optional: bool = False
) -> bytes:
    try:
        info = archive.getinfo(name)
    except KeyError:
        if optional:
            return b""
        raise InputError(
            f"holds no {name}" + _looks_like(archive), where=path, expected=_EXPECTED, remedy=_REMEDY
        ) from None
    if info.flag_bits & 1:
        raise InputError(f"{name} is encrypted", where=path, expected=_EXPECTED)
    if info.file_size > limit_bytes:
        raise InputError(
            f"{name} unpacks to {info.file_size:,} bytes",
            where=path,
            expected=f"at most {limit_bytes:,} bytes",
        )
    return archive.read(info)  # never yields more than file_size


def _looks_like(archive: zipfile.ZipFile) -> str:
    names = archive.namelist()
    kinds = {
        "data.pkl": "a PyTorch file",
        ".npy": "an .npz of NumPy",
        "saved_model.pb": "a zipped SavedModel",
    }
    kind = next((kind for end, kind in kinds.items() if any(name.endswith(end) for name in names)), None)
    if kind is None and CONFIG in {Path(name).name for name in names}:
        kind = "a .keras folder zipped with its folder; zip its files alone"
    return "" if kind is None else f": it looks like {kind}"


def _version(metadata: bytes, path: Path) -> str:
    if not metadata:
        return ""
    fields = json_object(parse_json(metadata, where=f"{path}, {METADATA}"), where=f"{path}, {METADATA}")
    version = fields.get("keras_version", "")
    return printable(version, longest=40) if isinstance(version, str) else ""


def _by_layer(
    groups: Sequence[hdf5.WeightGroup], config: dict[str, Any], path: Path
) -> dict[str, tuple[NDArray[np.float32], ...]]:
    unnamed = _layers_by_place(config) if any(group.name is None for group in groups) else {}
    weights: dict[str, tuple[NDArray[np.float32], ...]] = {}
    for group in groups:
        name = group.name
        if name is None:
            place = re.sub(r"^/[^/]+/(.*)/vars$", r"\1", group.path)
            name = unnamed.get(place, f"{place} (layers of Keras 2 bear no names)")
        if name in weights:
            raise InputError(
                f"{WEIGHTS} holds weights of layer {printable(name, longest=80)} twice",
                where=path,
                remedy="give every layer a name of its own, save the model again",
            )
        weights[name] = _arrays(group, name, path)
    return weights


def _layers_by_place(config: dict[str, Any]) -> dict[str, str]:
    """Return the layers' names by the groups in which Keras 2 keeps their weights.

    Keras 2 names a group after the class of the layer, in snake case, and numbers the groups from the second
    on.
    """
    inner = config.get("config")
    layers = inner.get("layers") if isinstance(inner, dict) else None
    counts: Counter[str] = Counter()
    places: dict[str, str] = {}
    for layer in layers if isinstance(layers, list) else []:
        if not isinstance(layer, dict) or not isinstance(layer.get("class_name"), str):
            continue
        snake = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", layer["class_name"]))
        snake = re.sub(r"([a-z])([A-Z])", r"\1_\2", snake).lower()
        own = layer.get("config")
        name = layer.get("name", own.get("name") if isinstance(own, dict) else None)
        places[f"{snake}_{counts[snake]}" if counts[snake] else snake] = str(name)
        counts[snake] += 1
    return places


def _arrays(group: hdf5.WeightGroup, name: str, path: Path) -> tuple[NDArray[np.float32], ...]:
    wanted = [str(index) for index in range(len(group.arrays))]
    if sorted(group.arrays, key=lambda key: (len(key), key)) != wanted:
        raise InputError(
            f"{WEIGHTS} numbers the weights of layer {printable(name, longest=80)} "
            f"{printable(', '.join(group.arrays), longest=80)}",
            where=path,
            expected=", ".join(wanted),
            remedy=_REMEDY,
        )
    arrays = tuple(group.arrays[key] for key in wanted)
    if not all(np.isfinite(array).all() for array in arrays):
        raise InputError(
            f"the weights of layer {printable(name, longest=80)} are not finite", where=path, remedy=_REMEDY
        )
    return arrays
