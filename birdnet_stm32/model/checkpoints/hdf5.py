"""The only reader of HDF5: weights as named arrays, whatever the file does to the library that reads it.

The file is read in another process (module ``hdf5_worker``), which a file may crash, fill or keep busy
without harm to this process. Size, depth, number of objects, memory and time are bounded. No link is
followed.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32 import process
from birdnet_stm32.errors import InputError, ToolError
from birdnet_stm32.model.checkpoints import hdf5_worker
from birdnet_stm32.terminal_text import printable

TIMEOUT_S = 90.0  # the largest network that fits the board takes less than one second

_REMEDY = "train it again, or name another checkpoint"
# Threads of NumPy's libraries would each take addresses of the memory that is allowed; "::" loads no plugins.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "HDF5_PLUGIN_PRELOAD": "::"}


@dataclass(frozen=True, kw_only=True)
class WeightGroup:
    """The arrays of one layer.

    Args:
        path: path of the group in the file.
        name: name of the layer; None if the file does not say it.
        arrays: float32, by name in the file, in the order of the names.
    """

    path: str
    name: str | None
    arrays: dict[str, NDArray[np.float32]]


def read_groups(
    content: bytes, *, max_bytes: int, where: str | Path, timeout_s: float = TIMEOUT_S
) -> tuple[WeightGroup, ...]:
    """Return every group of arrays below the layers of a Keras weights file.

    Args:
        content: the file.
        max_bytes: greatest size of all unpacked arrays.
        where: name of the file in errors.
        timeout_s: seconds until reading is stopped.

    Raises:
        InputError: the file is damaged, holds a link or a cycle, exceeds a limit, or crashes the library.
    """
    with tempfile.TemporaryDirectory(prefix="birdnet-") as folder:
        source, target = Path(folder) / "weights.h5", Path(folder) / "arrays"
        source.write_bytes(content)
        # Isolated: neither the user's variables nor the current folder say what is imported.
        command: list[str | Path] = [
            sys.executable,
            "-I",
            hdf5_worker.__file__,
            source,
            target,
            str(max_bytes),
        ]
        try:
            ended = process.run_program(command, timeout_s=timeout_s, env=_ONE_THREAD, check=False)
        except ToolError as error:
            raise _refused(f"takes longer than {timeout_s:g} s to read", where) from error
        if ended.exit_status != 0 or not target.is_file():
            raise _refused(_how_it_ended(ended.exit_status), where)
        return _parse(target.read_bytes(), where)


def _how_it_ended(exit_status: int) -> str:
    if exit_status < 0:
        return f"is damaged: the HDF5 library crashes on it (signal {-exit_status})"
    return "is damaged: the HDF5 library cannot read it, or needs too much memory for it"


def _parse(content: bytes, where: str | Path) -> tuple[WeightGroup, ...]:
    header, _, values = content.partition(b"\n")
    document: dict[str, Any] = json.loads(header)  # written by our own worker
    if "refused" in document:
        raise _refused(printable(document["refused"], longest=400), where)
    groups, offset = [], 0
    for group in document["groups"]:
        arrays = {}
        for entry in group["arrays"]:
            shape: Sequence[int] = entry["shape"]
            count = math.prod(shape)
            array = np.frombuffer(values, "<f4", count, offset).reshape(shape).astype(np.float32)
            arrays[str(entry["key"])] = array
            offset += 4 * count
        groups.append(WeightGroup(path=group["path"], name=group["name"], arrays=arrays))
    return tuple(groups)


def _refused(what: str, where: str | Path) -> InputError:
    return InputError(what, where=where, expected="the weights file that Keras writes", remedy=_REMEDY)
