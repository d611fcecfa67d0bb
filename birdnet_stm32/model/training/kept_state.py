"""Keep the state of a training in a file, so that a training that was stopped or killed can go on.

The file holds numbers alone: the digest of its content, then an archive of NumPy. It is replaced as a whole.
A file that is damaged, or that another training wrote, is never used.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from birdnet_stm32.model.training.history import EpochReport

Arrays = Sequence[npt.NDArray[Any]]

MAGIC = b"birdnet-stm32 training state 1\n"
_DIGEST_BYTES = 32


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingState:
    """All that a training has come to between two steps.

    Args:
        epochs: number of epochs that are finished.
        losses: loss of each step of the epoch after them, up to this step.
        means: mean loss of each finished epoch.
        history: what was measured after each finished epoch; empty for a training without validation.
        variables: every variable of the network, of its optimizers and of their averages, in a fixed order.
        best: the weights of the best epoch; empty before there is one.
    """

    epochs: int
    losses: tuple[float, ...]
    means: tuple[float, ...]
    history: tuple[EpochReport, ...]
    variables: Arrays
    best: Arrays


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """Where a training keeps its state.

    Args:
        folder: the folder; it is made when there is something to keep.
        identity: what the training learns from and by which code, as any text. A state of another identity
            is not used.
        every_s: seconds between two states.
        say: called with a sentence where a state is used, or cannot be used.
    """

    folder: Path
    identity: str
    every_s: float = 10.0
    say: Callable[[str], None] = lambda sentence: None


class KeptState:
    """The state of one training in its file.

    Args:
        keeping: where, and how often.
        name: name of the file, without ending.
        identity: what else tells this training from others: its settings and its first weights.
    """

    def __init__(self, keeping: Keeping, name: str, identity: str) -> None:
        self.path = keeping.folder / f"{name}.state"
        self._keeping = keeping
        self._key = hashlib.sha256(f"{keeping.identity}\n{identity}".encode()).hexdigest()
        self._written = time.monotonic()

    def read(self) -> TrainingState | None:
        """Return the state in the file; None if there is none that this training can use."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._say(f"cannot be read ({error.strerror})")
            return None
        start = len(MAGIC) + _DIGEST_BYTES
        packed = content[start:]
        if content[:start] != MAGIC + hashlib.sha256(packed).digest():
            self._say("is damaged")
            return None
        try:
            state = _unpacked(packed, self._key)
        except (ValueError, KeyError, zipfile.BadZipFile):
            self._say("is damaged")
            return None
        if state is None:
            self._say("is that of a training on other recordings, or with other settings")
        return state

    def due(self) -> bool:
        """Return whether it is time to write."""
        return time.monotonic() - self._written >= self._keeping.every_s

    def write(self, state: TrainingState) -> None:
        """Replace the file. A process that is killed meanwhile leaves the old one.

        Raises:
            OSError: the disk is full or read-only.
        """
        packed = _packed(state, self._key)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_name(f".{self.path.name}.partial")
        with partial.open("wb") as file:
            file.write(MAGIC + hashlib.sha256(packed).digest() + packed)
            file.flush()
            os.fsync(file.fileno())  # else a power failure could leave an empty file under the right name
        partial.replace(self.path)
        self._written = time.monotonic()

    def _say(self, fault: str) -> None:
        self._keeping.say(f"{self.path}: the state {fault}; the training starts anew")


def _packed(state: TrainingState, key: str) -> bytes:
    table = [[_number(value) for value in asdict(report).values()] for report in state.history]
    arrays = {
        "key": np.array(key),
        "epochs": np.array(state.epochs),
        "losses": np.array(state.losses, np.float64),
        "means": np.array(state.means, np.float64),
        "history": np.array(table, np.float64).reshape(len(table), len(fields(EpochReport))),
        **{f"variable_{number}": value for number, value in enumerate(state.variables)},
        **{f"best_{number}": value for number, value in enumerate(state.best)},
    }
    packed = io.BytesIO()
    np.savez(packed, **arrays)  # type: ignore[arg-type] # of its parameter allow_pickle, which is not given
    return packed.getvalue()


def _unpacked(packed: bytes, key: str) -> TrainingState | None:
    """Return the state; None if it has another key. Raises: ValueError, KeyError, BadZipFile."""
    with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
        if str(arrays["key"]) != key:
            return None
        return TrainingState(
            epochs=int(arrays["epochs"]),
            losses=tuple(arrays["losses"].tolist()),
            means=tuple(arrays["means"].tolist()),
            history=tuple(_report(row) for row in arrays["history"].tolist()),
            variables=_numbered(arrays, "variable"),
            best=_numbered(arrays, "best"),
        )


def _numbered(arrays: Any, name: str) -> list[npt.NDArray[Any]]:
    count = sum(key.startswith(f"{name}_") for key in arrays.files)
    return [arrays[f"{name}_{number}"] for number in range(count)]


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)


def _report(row: list[float]) -> EpochReport:
    names = [field.name for field in fields(EpochReport)]
    values: dict[str, Any] = {
        name: None if np.isnan(value) else value for name, value in zip(names, row, strict=True)
    }
    return EpochReport(**{**values, "epoch": int(values["epoch"])})


def states_in(folder: Path) -> list[Path]:
    """Return the files of states in a folder, which may be missing."""
    return sorted(folder.glob("*.state"))


def forget(folder: Path) -> None:
    """Remove the states in a folder, and the folder if nothing else is in it."""
    for path in [*states_in(folder), *folder.glob(".*.state.partial")]:
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()
