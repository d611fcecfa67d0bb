"""Float layers that run between the spectrogram and an int8 network that starts after the mel filter bank.

The steps are the mel mixer, the magnitude scaling and the sub-ranges: several channels carry one value, one
channel for each sub-range of its range, so that int8 rounds each sub-range with a scale of its own.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from birdnet_stm32.errors import InputError

Floats = npt.NDArray[np.float32]

MAX_PIECES = 64
MAX_SUBRANGES = 8
MAX_FILE_BYTES = 2**26
_TABLES = ("mel", "k0", "k", "w", "b")
_SUBRANGES_KEY = "gears"  # the array's name in published files, kept so that they can be read
_NPY_1_0 = (1, 0)
# The only header that save_mixer writes. NumPy's own reader accepts any Python literal, and raises many kinds
# of exceptions for other text.
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(?s:..)\{'descr': '(?P<dtype><f[48])', 'fortran_order': False, "
    rb"'shape': \((?P<shape>|[0-9]{1,7}(?:,|, [0-9]{1,7}))\), \} *\n"
)


@dataclass(frozen=True, eq=False)
class Mixer:
    """The float front end of a hybrid model. Two mixers are equal if all their numbers are.

    Each band has an energy ``x``, the weighted sum of the bins of one frame. Its value is ``y = k0*x + sum_i
    k[i]*relu(w[i]*x + b[i])``. The arrays are read-only copies.

    Args:
        mel: mel weights, non-negative and mostly zero, float32 ``[bins, mels]``.
        k0: slope of each band, float32 ``[mels]``.
        k: factor of each hinge, float32 ``[pieces, mels]``. No pieces and a slope of 1 leave ``x`` unchanged.
        w: slope within each hinge, float32 ``[pieces, mels]``.
        b: offset within each hinge, float32 ``[pieces, mels]``.
        subranges: upper end of each sub-range, ascending; the last one is the maximum of the range. Empty:
            one channel, which is ``y`` itself.

    Raises:
        InputError: shapes or values contradict each other.
    """

    mel: Floats
    k0: Floats
    k: Floats
    w: Floats
    b: Floats
    subranges: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Copy, freeze and check the numbers."""
        for name in _TABLES:
            table = np.array(getattr(self, name), dtype=np.float32, order="C")
            table.flags.writeable = False
            object.__setattr__(self, name, table)
        object.__setattr__(self, "subranges", tuple(float(end) for end in self.subranges))
        _check(self)

    def __eq__(self, other: object) -> bool:
        return self.digest == other.digest if isinstance(other, Mixer) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def bins(self) -> int:
        """Number of bins that the mixer reads in each frame."""
        return len(self.mel)

    @property
    def mels(self) -> int:
        """Number of bands that the mixer computes."""
        return len(self.k0)

    @property
    def pieces(self) -> int:
        """Number of hinges of each band."""
        return len(self.k)

    @property
    def takes_bands(self) -> bool:
        """Whether the input already holds mel bands, each of which is taken as it is."""
        return self.mel.shape[0] == self.mel.shape[1] and bool((self.mel == np.eye(self.mels)).all())

    @property
    def channels(self) -> int:
        """Channels of each band: one for each sub-range, or 1 without sub-ranges."""
        return max(1, len(self.subranges))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all numbers and shapes."""
        digest = hashlib.sha256()
        for name, array in _arrays(self).items():
            digest.update(f"{name}{array.shape}".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()


def mix_bands(spectrogram: Floats, mixer: Mixer) -> Floats:
    """Mix and scale a spectrogram. The values are not split into sub-ranges yet.

    Args:
        spectrogram: normalised magnitudes or mel energies, float32 ``[bins, frames]``.
        mixer: the float front end.

    Returns:
        float32 ``[mels, frames]``.
    """
    energy = np.maximum(mixer.mel.T.astype(np.float64) @ spectrogram, 0)
    scaled = mixer.k0[:, np.newaxis] * energy
    for k, w, b in zip(mixer.k, mixer.w, mixer.b, strict=True):
        scaled += k[:, np.newaxis] * np.maximum(w[:, np.newaxis] * energy + b[:, np.newaxis], 0)
    return scaled.astype(np.float32)


def split_into_subranges(values: Floats, ends: tuple[float, ...]) -> Floats:
    """Split values into channels, one for each sub-range of their range; clip values outside of all of them.

    Channel ``i`` is ``(clip(values, low, high) - low) / (high - low)``, where ``high`` is ``ends[i]`` and
    ``low`` is the end before it, or 0 for the first channel. Multiplied by the widths of the sub-ranges, the
    channels add up to ``clip(values, 0, last end)``.

    Args:
        values: float32 ``[...]``.
        ends: upper ends of the sub-ranges, ascending from above 0. Empty: the one channel holds the values
            unchanged.

    Returns:
        float32 ``[..., max(1, len(ends))]``, in [0, 1] if there are sub-ranges.

    >>> split_into_subranges(np.float32([0.5, 3.0]), (1.0, 4.0)).tolist()
    [[0.5, 0.0], [1.0, 0.6666666865348816]]
    """
    if not ends:
        return values[..., np.newaxis]
    bounds = np.array((0.0, *ends))
    parts = np.clip(values[..., np.newaxis].astype(np.float64), bounds[:-1], bounds[1:]) - bounds[:-1]
    channels: Floats = (parts / np.diff(bounds)).astype(np.float32)
    return channels


def save_mixer(path: Path, mixer: Mixer) -> None:
    """Write ``mixer`` as an ``.npz`` file. Equal mixers give equal bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in _arrays(mixer).items():
            content = io.BytesIO()
            np.lib.format.write_array(content, array, version=_NPY_1_0, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue())


def load_mixer(path: Path) -> Mixer:
    """Read a file that :func:`save_mixer` wrote. The file is not trusted.

    Args:
        path: an ``.npz`` file.

    Raises:
        InputError: the file is missing, is not such an archive, is too large, or does not hold a valid mixer.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            tables = {name: _member(archive, name, path) for name in _TABLES}
            subranges = _member(archive, _SUBRANGES_KEY, path)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", where=path) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise InputError(f"is not an archive of a float front end: {error}", where=path) from error
    if subranges.ndim != 1:
        raise InputError(
            f"{_SUBRANGES_KEY} has the shape {list(subranges.shape)}", where=path, expected="a list"
        )
    try:
        return Mixer(**tables, subranges=tuple(subranges.tolist()))
    except InputError as error:
        raise InputError(error.what, where=path, expected=error.expected) from error


def _arrays(mixer: Mixer) -> dict[str, npt.NDArray[Any]]:
    """Return all numbers, little-endian, by the names that they have in a file."""
    tables = {name: getattr(mixer, name).astype("<f4") for name in _TABLES}
    return {**tables, _SUBRANGES_KEY: np.array(mixer.subranges, dtype="<f8")}


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> npt.NDArray[Any]:
    """Return one array. Never allocate more memory than the file may hold."""
    try:
        with archive.open(f"{name}.npy") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except KeyError as error:
        raise InputError(f"lacks {name}", where=path, expected="a float front end") from error
    if len(content) > MAX_FILE_BYTES:
        raise InputError(f"{name} is larger than {MAX_FILE_BYTES} bytes", where=path)
    wanted = np.dtype("<f8" if name == _SUBRANGES_KEY else "<f4")
    array = _parse(content, wanted)
    if array is None:
        raise InputError(
            f"{name} is not such an array",
            where=path,
            expected=f"{wanted}, row-major and complete, version 1.0",
        )
    return array


def _parse(content: bytes, dtype: np.dtype[Any]) -> npt.NDArray[Any] | None:
    header = _HEADER.match(content)
    if header is None or header["dtype"].decode() != dtype.str:
        return None
    shape = tuple(int(size) for size in re.findall(rb"[0-9]+", header["shape"]))
    data = content[header.end() :]
    if math.prod(shape) * dtype.itemsize != len(data):
        return None
    return np.frombuffer(data, dtype=dtype).reshape(shape)


def _check(mixer: Mixer) -> None:
    if mixer.mel.ndim != 2 or 0 in mixer.mel.shape:
        raise InputError(f"mel has the shape {list(mixer.mel.shape)}", expected="[bins, mels]")
    pieces = (mixer.k.shape[0] if mixer.k.ndim else 0, mixer.mel.shape[1])
    if pieces[0] > MAX_PIECES:
        raise InputError(f"there are {pieces[0]} pieces", expected=f"at most {MAX_PIECES}")
    for name, shape in (("k0", pieces[1:]), ("k", pieces), ("w", pieces), ("b", pieces)):
        found = getattr(mixer, name).shape
        if found != shape:
            raise InputError(f"{name} has the shape {list(found)}", expected=str(list(shape)))
    for name in _TABLES:
        if not np.isfinite(getattr(mixer, name)).all():
            raise InputError(f"{name} holds values that are not finite", expected="finite numbers")
    if mixer.mel.min() < 0:
        raise InputError(f"mel holds {mixer.mel.min():g}", expected="no negative weights")
    # The C code has float32 values. A sub-range between two ends that are equal in float32 would be empty.
    with np.errstate(over="ignore"):
        ends = np.array((0.0, *mixer.subranges)).astype(np.float32)
    if len(mixer.subranges) > MAX_SUBRANGES or not np.isfinite(ends).all() or not (np.diff(ends) > 0).all():
        raise InputError(
            f"the sub-ranges end at {list(mixer.subranges)}",
            expected=f"at most {MAX_SUBRANGES} ends, positive and ascending",
        )
