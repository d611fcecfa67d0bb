"""Weights files that hold cycles, links, types, bombs, or crash the library: refused, each in time."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.model.checkpoints import hdf5, hdf5_worker

Edit = Callable[[h5py.File], None]


def weights(edit: Edit = lambda file: None) -> bytes:
    """Return a weights file of one layer, edited."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        group = file.create_group("layers/dense/vars")
        group.attrs["name"] = "dense"
        group["0"] = np.arange(6, dtype=np.float32).reshape(2, 3)
        group["1"] = np.arange(3, dtype=np.float16)
        edit(file)
    return content.getvalue()


def read(content: bytes, *, max_bytes: int = 1 << 20) -> tuple[hdf5.WeightGroup, ...]:
    return hdf5.read_groups(content, max_bytes=max_bytes, where="file")


def test_arrays_come_out_as_they_are() -> None:
    (group,) = read(weights())
    assert (group.path, group.name, list(group.arrays)) == ("/layers/dense/vars", "dense", ["0", "1"])
    np.testing.assert_array_equal(group.arrays["0"], np.arange(6, dtype=np.float32).reshape(2, 3))
    assert {array.dtype for array in group.arrays.values()} == {np.dtype(np.float32)}


def test_an_optimizer_and_random_numbers_are_passed_over() -> None:
    def edit(file: h5py.File) -> None:
        file["optimizer/vars/0"] = np.int64(7)
        file["layers/dropout/seed_generator/vars/0"] = np.zeros(2, np.uint32)

    assert [group.name for group in read(weights(edit))] == ["dense"]


def cycle(file: h5py.File) -> None:
    file["layers/dense/again"] = file["layers"]


def twice(file: h5py.File) -> None:
    file["layers/other"] = file["layers/dense"]


def soft(file: h5py.File) -> None:
    file["layers/soft"] = h5py.SoftLink("/layers")


def external(file: h5py.File) -> None:
    file["layers/out"] = h5py.ExternalLink("/etc/passwd", "/")


def named_type(file: h5py.File) -> None:
    file["layers/type"] = np.dtype("f4")


def deep(file: h5py.File) -> None:
    file.create_group("layers/" + "/".join("d" * 60))


def many(file: h5py.File) -> None:
    for number in range(600):
        file.create_group(f"layers/g{number}")


def huge(file: h5py.File) -> None:
    file.create_dataset("layers/x", shape=(1 << 40,), chunks=(1 << 16,), dtype="f4", compression="gzip")


def elsewhere(file: h5py.File) -> None:
    file.create_dataset("layers/x", shape=(4,), dtype="f4", external=[("/etc/passwd", 0, 16)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", shape=(4,))
    file.create_virtual_dataset("layers/x", layout)


def text(file: h5py.File) -> None:
    file["layers/dense/vars/2"] = "text"


def integers(file: h5py.File) -> None:
    file["layers/dense/vars/2"] = np.zeros(3, np.uint16)  # how Keras stores bfloat16


def no_shape(file: h5py.File) -> None:
    file["layers/dense/vars/2"] = h5py.Empty("f4")


def long_name(file: h5py.File) -> None:
    file["layers/dense/vars"].attrs["name"] = "x" * 20_000


def list_name(file: h5py.File) -> None:
    file["layers/dense/vars"].attrs["name"] = np.zeros(9)


def loop_elsewhere(file: h5py.File) -> None:
    file["optimizer/a/b"] = np.zeros(2)
    file["optimizer/a/c"] = file["optimizer"]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (cycle, "to an object that was found already, /layers/dense/again"),
        (twice, "to an object that was found already"),
        (loop_elsewhere, "to an object that was found already, /optimizer/a/c"),
        (soft, "holds a link to another place, /layers/soft"),
        (external, "holds a link to another file, /layers/out"),
        (named_type, "/layers/type, which is neither a group nor an array"),
        (deep, "inside each other deeper than 32 levels"),
        (huge, "unpacks to too much"),
        (elsewhere, "in other files"),
        (virtual, "in other files"),
        (text, "not an array of float16, float32 or float64"),
        (integers, "not an array of float16, float32 or float64"),
        (no_shape, "an array without a shape"),
        (long_name, "unusable layer name"),
        (list_name, "unusable layer name"),
    ],
)
def test_what_is_not_of_keras_is_refused(edit: Edit, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(weights(edit))


def test_too_many_objects(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(hdf5_worker, "MAX_OBJECTS", 500)
    monkeypatch.setattr(hdf5_worker, "_limit", lambda: None)  # of this process
    (tmp_path / "in").write_bytes(weights(many))
    hdf5_worker.main(tmp_path / "in", tmp_path / "out", 1 << 20)
    assert b"more than 500 objects" in (tmp_path / "out").read_bytes()


@pytest.mark.parametrize("content", [b"", b"HDF", b"\x89HDF\r\n\x1a\n" + bytes(5_000)])
def test_no_hdf5(content: bytes) -> None:
    with pytest.raises(InputError, match="is not an HDF5 file"):
        read(content)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", r"crashes on it \(signal 11\)"),
        ("while True: pass", "takes longer than 1 s to read"),
        ("raise SystemExit(3)", "cannot read it"),
        ("x = bytearray(1 << 40)", "cannot read it"),
    ],
)
def test_a_library_that_crashes_or_hangs_is_survived(
    body: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(body)
    monkeypatch.setattr(hdf5_worker, "__file__", str(worker))
    with pytest.raises(InputError, match=message):
        hdf5.read_groups(weights(), max_bytes=1 << 20, where="file", timeout_s=1)


@pytest.mark.parametrize(
    ("name", "message"), [("h5_hardlink_loop", "/layers/loop"), ("h5_named_type", "/layers/evil_type")]
)
def test_those_of_the_trials(shared: Path, name: str, message: str) -> None:
    with zipfile.ZipFile(shared / "data/trials/checkpoints" / f"{name}.keras") as archive:
        content = archive.read("model.weights.h5")
    started_s = time.monotonic()
    with pytest.raises(InputError, match=message):
        read(content, max_bytes=256 << 20)
    assert time.monotonic() - started_s < 20
