"""Read one HDF5 file in a separate process, with limits on memory, time, depth, objects and links.

libhdf5 is C code and trusts the files that it reads: a damaged file may crash it or keep it busy for ever. So
the module ``hdf5`` runs this file as a program, and survives both. This file imports nothing of the package
and follows no link: it reaches every object once, by the one hard link that Keras writes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

if TYPE_CHECKING:
    import h5py
    import numpy as np
    from numpy.typing import NDArray

MAX_DEPTH = 32  # a nested model of Keras has six groups for each level
MAX_OBJECTS = 100_000
MAX_NAME_BYTES = 1_000
MAX_DIMENSIONS = 8
MEMORY_BYTES = 4 << 30  # address space: the libraries map some of it without using it
CPU_S = 60

_LAYERS = ("/layers/", "/_layer_checkpoint_dependencies/")  # of Keras 3 and 2.15, and of 2.12


Read = TypeVar("Read")


class RefusedError(Exception):
    """The file holds something that is not read; carries the reason in plain words."""


def main(source: Path, target: Path, max_bytes: int) -> None:
    """Write the content of ``source`` to ``target``: a line of JSON, then the values of the arrays.

    The JSON is ``{"refused": "why"}`` or ``{"groups": [{"path", "name", "arrays": [{"key", "shape"}]}]}``. It
    has every group that holds arrays below ``layers``, or below the names of Keras 2 for it. The values are
    float32, little-endian, in C order, in the order of the JSON.
    """
    _limit()
    with target.open("wb") as out:
        try:
            _read(source, out, max_bytes)
        except RefusedError as refused:
            out.seek(0)
            out.truncate()
            out.write(json.dumps({"refused": str(refused)}).encode() + b"\n")


def _limit() -> None:
    import resource

    for what, amount in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CPU, CPU_S)):
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, (amount if hard < 0 else min(amount, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(source: Path, out: BinaryIO, max_bytes: int) -> None:
    import h5py

    try:
        file = h5py.File(source, "r")
    except Exception:  # the library raises errors of many kinds, and their texts do not help
        raise RefusedError("is not an HDF5 file, or its first bytes are damaged") from None
    found: list[dict[str, Any]] = []
    arrays: list[NDArray[np.float32]] = []
    for path, group, datasets in _walk(file, max_bytes):
        if not datasets or not path.startswith(_LAYERS) or "/seed_generator/" in path:
            continue  # an optimizer's state, or where a dropout's random numbers had come to
        entries = []
        for key, dataset in sorted(datasets.items(), key=lambda item: (len(item[0]), item[0])):
            arrays.append(_values(dataset, f"{path}/{key}"))
            entries.append({"key": key, "shape": list(arrays[-1].shape)})
        found.append({"path": path, "name": _name(group, path), "arrays": entries})
    out.write(json.dumps({"groups": found}).encode() + b"\n")
    for array in arrays:
        out.write(array.tobytes())


def _walk(file: h5py.File, max_bytes: int) -> list[tuple[str, h5py.Group, dict[str, h5py.Dataset]]]:
    """Return every group with its path and data sets, parents first, siblings in their order.

    Raises:
        RefusedError: there is a link, a cycle or a named type, or a limit is exceeded.
    """
    seen = {_address(file, "/")}
    groups: list[tuple[str, h5py.Group, dict[str, h5py.Dataset]]] = []
    objects, total_bytes = 0, 0
    pending = [("", file["/"])]
    while pending:
        path, group = pending.pop()
        if path.count("/") > MAX_DEPTH:
            raise RefusedError(
                f"has groups inside each other deeper than {MAX_DEPTH} levels, at {path[:200]}"
            )
        datasets: dict[str, Any] = {}
        children = []
        for name in _names(group, path):
            objects += 1
            if objects > MAX_OBJECTS:
                raise RefusedError(f"holds more than {MAX_OBJECTS:,} objects")
            where = f"{path}/{name}"
            item = _child(group, name, where, seen)
            if _is_group(item):
                children.append((where, item))
                continue
            total_bytes += _size(item, where)
            if total_bytes > max_bytes:
                raise RefusedError(f"unpacks to too much: more than {max_bytes:,} bytes with {where}")
            datasets[name] = item
        groups.append((path or "/", group, datasets))
        pending.extend(reversed(children))
    return groups


def _names(group: h5py.Group, path: str) -> list[str]:
    count = _attempt(lambda: int(group.id.get_num_objs()), f"the group {path or '/'}")
    if count > MAX_OBJECTS:
        raise RefusedError(f"holds more than {MAX_OBJECTS:,} objects")
    names = _attempt(lambda: list(group), f"the group {path or '/'}")
    for name in names:
        if not isinstance(name, str) or "/" in name or name in ("", ".", "..") or len(name) > MAX_NAME_BYTES:
            raise RefusedError(f"holds an object with an unusable name, {str(name)[:100]!r}")
    return [str(name) for name in names]


def _child(group: h5py.Group, name: str, where: str, seen: set[tuple[int, int]]) -> Any:
    import h5py

    link = _attempt(lambda: group.get(name, getlink=True), where)
    if isinstance(link, h5py.ExternalLink):
        raise RefusedError(f"holds a link to another file, {where}")
    if not isinstance(link, h5py.HardLink):
        raise RefusedError(f"holds a link to another place, {where}")
    address = _address(group, name)
    if address in seen:
        raise RefusedError(f"holds a link to an object that was found already, {where}: it may never end")
    seen.add(address)
    item = _attempt(lambda: group[name], where)
    if not isinstance(item, h5py.Group | h5py.Dataset):
        raise RefusedError(f"holds {where}, which is neither a group nor an array (a named data type)")
    return item


def _address(group: h5py.Group, name: str) -> tuple[int, int]:
    """Return a value that is equal for two names of the same object."""
    import h5py

    info = _attempt(lambda: h5py.h5o.get_info(group.id, name.encode()), name)
    return int(info.fileno), int(info.addr)


def _is_group(item: Any) -> bool:
    import h5py

    return isinstance(item, h5py.Group)


def _size(item: h5py.Dataset, where: str) -> int:
    """Return the unpacked bytes of an array. Raises: RefusedError if a part of it is in another file."""

    def measure() -> tuple[bool, Any, tuple[int, ...] | None, int]:
        elsewhere = bool(item.external) or bool(item.is_virtual)
        return elsewhere, item.dtype, item.shape, int(item.dtype.itemsize)

    elsewhere, _, shape, item_bytes = _attempt(measure, where)
    if elsewhere:
        raise RefusedError(f"lies in part in other files: {where}")
    if shape is None:
        raise RefusedError(f"holds {where}, an array without a shape")
    if len(shape) > MAX_DIMENSIONS:
        raise RefusedError(f"holds {where}, an array of {len(shape)} dimensions")
    count = 1
    for size in shape:
        count *= int(size)
    return count * item_bytes


def _values(dataset: h5py.Dataset, where: str) -> NDArray[np.float32]:
    import numpy as np

    kind = _attempt(lambda: dataset.dtype.kind, where)
    if kind != "f":  # bfloat16 is stored as integers
        raise RefusedError(f"holds {where}, which is not an array of float16, float32 or float64")
    with np.errstate(over="ignore"):  # what becomes infinite is refused with what was
        return _attempt(lambda: np.ascontiguousarray(dataset[()], dtype="<f4"), where)


def _name(group: h5py.Group, path: str) -> str | None:
    """Return the name of the layer that Keras stores beside its weights; None if an older Keras did not."""

    def read() -> str | None:
        if "name" not in group.attrs:
            return None
        attribute = group.attrs.get_id("name")
        if attribute.get_storage_size() > MAX_NAME_BYTES or attribute.shape != ():
            raise RefusedError(f"has an unusable layer name at {path}")
        value = group.attrs["name"]
        return value.decode() if isinstance(value, bytes) else str(value)

    name = _attempt(read, f"the layer name at {path}")
    if name is not None and len(name) > MAX_NAME_BYTES:
        raise RefusedError(f"has an unusable layer name at {path}")
    return name


def _attempt(action: Callable[[], Read], where: str) -> Read:
    """Return the result of ``action``. Any error of the library means that the file is damaged there."""
    try:
        return action()
    except RefusedError:
        raise
    except MemoryError:
        raise RefusedError(f"needs more than {MEMORY_BYTES:,} bytes of memory at {where}") from None
    except Exception:
        raise RefusedError(f"is damaged at {where}") from None


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
