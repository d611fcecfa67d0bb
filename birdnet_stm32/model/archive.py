"""A ``.keras`` file as data: a configuration and named weights, bounded, before any of it means something.

The zip holds ``metadata.json``, ``config.json`` and ``model.weights.h5``. In the HDF5 file every layer has
a group ``.../vars`` with an attribute ``name``, the layer's, and its weights as data sets ``0``, ``1``, ...
Nothing here imports Keras.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.errors import InputError

METADATA, CONFIG, WEIGHTS = "metadata.json", "config.json", "model.weights.h5"

# Far above any network that fits the board, far below what would hurt the machine that opens it.
MAX_CONFIG_BYTES = 8 << 20
MAX_WEIGHTS_BYTES = 256 << 20

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip can hold
_REMEDY = "train it again, or name another checkpoint"


@dataclass(frozen=True, kw_only=True)
class Archive:
    """What a ``.keras`` file says.

    Args:
        config: the model's configuration, not yet judged.
        weights: float32 arrays by layer name, in Keras's order; layers without weights are left out.
    """

    config: dict[str, Any]
    weights: Mapping[str, tuple[NDArray[np.float32], ...]]


def read(path: Path) -> Archive:
    """Read a ``.keras`` file without deserialising anything.

    Raises:
        InputError: the file is missing, damaged or oversized, or its members are not what Keras writes.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            config = _parse_config(_member(archive, CONFIG, MAX_CONFIG_BYTES, path), path)
            weights = _parse_weights(_member(archive, WEIGHTS, MAX_WEIGHTS_BYTES, path), path)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", where=path, remedy=_REMEDY) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(
            f"is damaged: {error}", where=path, expected="a .keras archive", remedy=_REMEDY
        ) from error
    return Archive(config=config, weights=weights)


def write(path: Path, *, config: dict[str, Any], weights_h5: bytes, keras_version: str) -> None:
    """Write a ``.keras`` file whose bytes depend on nothing but the arguments."""
    members = {
        METADATA: json.dumps({"keras_version": keras_version}).encode(),
        CONFIG: json.dumps(config).encode(),
        WEIGHTS: weights_h5,
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)


def _member(archive: zipfile.ZipFile, name: str, limit_bytes: int, path: Path) -> bytes:
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise InputError(
            f"holds no {name}", where=path, expected="a .keras archive of Keras 3", remedy=_REMEDY
        ) from None
    if info.file_size > limit_bytes:
        raise InputError(
            f"{name} unpacks to {info.file_size} bytes", where=path, expected=f"at most {limit_bytes} bytes"
        )
    return archive.read(info)  # never yields more than file_size


def _parse_config(text: bytes, path: Path) -> dict[str, Any]:
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{CONFIG} is not JSON: {error}", where=path, remedy=_REMEDY) from error
    if not isinstance(config, dict):
        raise InputError(f"{CONFIG} holds no object", where=path, expected="the configuration of a model")
    return config


def _parse_weights(content: bytes, path: Path) -> dict[str, tuple[NDArray[np.float32], ...]]:
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            _refuse_links(file, path)
            groups: list[h5py.Group] = []
            layers = file.get("layers", {})
            if isinstance(layers, h5py.Group):
                layers.visititems(lambda name, item: groups.append(item) if name.endswith("/vars") else None)
            return {str(group.attrs["name"]): _arrays(group, path) for group in groups if len(group)}
    except (OSError, KeyError, ValueError, RuntimeError, TypeError) as error:
        raise InputError(f"{WEIGHTS} is damaged: {error}", where=path, remedy=_REMEDY) from error


def _refuse_links(group: h5py.Group, path: Path) -> None:
    """Refuse what would make HDF5 open other files or unpack more than was stored."""
    stored_bytes = 0
    pending = [group]
    while pending:
        current = pending.pop()
        for name in current:
            if not isinstance(current.get(name, getlink=True), h5py.HardLink):
                raise InputError(f"{WEIGHTS} holds a link, {current.name}/{name}", where=path, remedy=_REMEDY)
            item = current[name]
            if isinstance(item, h5py.Group):
                pending.append(item)
                continue
            stored_bytes += item.nbytes
            if item.external or item.is_virtual or stored_bytes > MAX_WEIGHTS_BYTES:
                raise InputError(
                    f"{WEIGHTS}: {item.name} lies in other files or unpacks to too much",
                    where=path,
                    expected=f"plain data sets of at most {MAX_WEIGHTS_BYTES} bytes together",
                )


def _arrays(group: h5py.Group, path: Path) -> tuple[NDArray[np.float32], ...]:
    arrays = tuple(np.asarray(group[str(index)], dtype=np.float32) for index in range(len(group)))
    if not all(np.isfinite(array).all() for array in arrays):
        raise InputError(
            f"the weights of layer {group.attrs['name']} are not finite", where=path, remedy=_REMEDY
        )
    return arrays
