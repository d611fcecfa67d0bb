"""Reads the tensors that the emulated firmware writes; ``board_parts/emulated/dump.h`` has the format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from birdnet_stm32.errors import ToolError

MAGIC = b"BNDUMP02"
_HEADER = np.dtype(
    [("magic", "S8"), *((name, "<u4") for name in ("window", "steps", "features", "inputs", "outputs"))]
)
MAX_OUTPUTS = 65_536


@dataclass(frozen=True, kw_only=True)
class WindowDump:
    """What the firmware computed for one window, every tensor flat and in the model's layout.

    Args:
        recording: its index in the list the firmware was given.
        window: index of the window in the recording.
        first_sample: where it begins.
        steps: float32 ``[steps, elements]``, what each step of the front end left behind.
        quantized_input: int8.
        output: int8.
    """

    recording: int
    window: int
    first_sample: int
    steps: npt.NDArray[np.float32]
    quantized_input: npt.NDArray[np.int8]
    output: npt.NDArray[np.int8]

    @property
    def features(self) -> npt.NDArray[np.float32]:
        """The network's input in float32, the front end's last step."""
        last: npt.NDArray[np.float32] = self.steps[-1]
        return last


def read(path: Path, *, window_samples: int, steps: int, input_elements: int) -> tuple[WindowDump, ...]:
    """Read a dump; the tensors stay in the file until they are used.

    Args:
        path: the file; it may be deleted afterwards, but not shortened.
        window_samples: samples of a window that the model's contract says.
        steps: steps of the model's front end.
        input_elements: values of one network input that it says.

    Raises:
        ToolError: the file is not such a dump, is cut short, or comes from another model.
    """
    size_bytes = path.stat().st_size
    if size_bytes < _HEADER.itemsize:
        raise ToolError(f"the dump is {size_bytes} bytes long", where=path, expected="a header")
    header = np.fromfile(path, _HEADER, count=1)[0]
    if bytes(header["magic"]) != MAGIC:
        raise ToolError(f"the dump begins with {bytes(header['magic'])!r}", where=path, expected=repr(MAGIC))
    found = tuple(int(header[name]) for name in ("window", "steps", "features", "inputs"))
    wanted = (window_samples, steps, input_elements, input_elements)
    if found != wanted:
        raise ToolError(
            f"the firmware's window size, steps, feature and input sizes are {found}",
            where=path,
            expected=f"{wanted}, as the model's contract says",
        )
    if not 1 <= header["outputs"] <= MAX_OUTPUTS:
        raise ToolError(
            f"the dump has {header['outputs']} outputs", where=path, expected=f"1 to {MAX_OUTPUTS}"
        )
    record = _record(steps, input_elements, int(header["outputs"]))
    windows, rest = divmod(size_bytes - _HEADER.itemsize, record.itemsize)
    if rest:
        raise ToolError(f"the dump ends {rest} bytes into window {windows}", where=path)
    if windows == 0:
        return ()
    records = np.memmap(path, record, mode="r", offset=_HEADER.itemsize, shape=(windows,))
    return tuple(
        WindowDump(
            recording=int(one["recording"]),
            window=int(one["window"]),
            first_sample=int(one["first_sample"]),
            **{name: one[name] for name in _TENSORS},
        )
        for one in records
    )


_TENSORS = ("steps", "quantized_input", "output")


def _record(steps: int, input_elements: int, outputs: int) -> np.dtype[np.void]:
    return np.dtype(
        [
            ("recording", "<u4"),
            ("window", "<u4"),
            ("first_sample", "<u4"),
            ("steps", "<f4", (steps, input_elements)),
            ("quantized_input", "i1", (input_elements,)),
            ("output", "i1", (outputs,)),
        ]
    )
