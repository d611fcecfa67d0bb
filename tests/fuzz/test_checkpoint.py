"""Checkpoints damaged at random: read, or refused as InputError, in bounded time; never anything else.

``FUZZ_SECONDS`` says how long each part looks, ``FUZZ_SEED`` where it starts. What once ended otherwise is
kept in ``corpus/keras`` and tried first.
"""

from __future__ import annotations

import io
import json
import os
import random
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.model.checkpoints import (
    allowlist,
    front_end_layer,
    hdf5,
    keras_archive,
    keras_versions,
)

SECONDS = float(os.environ.get("FUZZ_SECONDS", "5"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
SLOWEST_S = 20.0
CORPUS = Path(__file__).parent / "corpus" / "keras"

pytestmark = pytest.mark.slow


def small() -> dict[str, bytes]:
    """Return the members of a small checkpoint."""
    layers: list[dict[str, Any]] = [
        {
            "module": "keras.layers",
            "class_name": "InputLayer",
            "config": {"batch_input_shape": [None, 4], "dtype": "float32", "name": "input"},
            "registered_name": None,
            "name": "input",
            "inbound_nodes": [],
        },
        {
            "module": "keras.layers",
            "class_name": "Dense",
            "config": {"name": "dense", "dtype": "mixed_float16", "units": 3, "activation": "sigmoid"},
            "registered_name": None,
            "name": "dense",
            "inbound_nodes": [[["input", 0, 0, {}]]],
        },
    ]
    graph = {"name": "model", "layers": layers, "input_layers": [["input", 0, 0]]}
    graph["output_layers"] = ["dense", 0, 0]
    config = {"module": "keras.src.engine.functional", "class_name": "Functional", "config": graph}
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for number in range(3):
            group = file.create_group(f"layers/dense_{number}/vars")
            group.attrs["name"] = f"dense{number}"
            group["0"] = np.ones((4, 3), np.float32)
            group.create_dataset("1", data=np.ones(300, np.float32), chunks=(50,), compression="gzip")
    return {
        keras_archive.METADATA: json.dumps({"keras_version": "3.0.0"}).encode(),
        keras_archive.CONFIG: json.dumps(config).encode(),
        keras_archive.WEIGHTS: content.getvalue(),
    }


def packed(members: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    return content.getvalue()


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Return ``content`` with bytes changed, numbers put in, and parts moved, left out or doubled."""
    whole = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        at = rng.randrange(len(whole))
        kind = rng.randrange(6)
        if kind <= 1:
            whole[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        elif kind == 2:
            number = rng.choice([0, 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1, rng.randrange(len(whole))])
            whole[at : at + 8] = number.to_bytes(8, "little")
        elif kind == 3:
            other, size = rng.randrange(len(whole)), rng.choice([1, 8, 64])
            whole[at : at + size] = whole[other : other + size]
        elif kind == 4:
            del whole[at : at + rng.choice([1, 8, 512])]
        else:
            whole[at:at] = whole[at : at + rng.choice([1, 8, 512])]
        if not whole:
            return b""
    return bytes(whole)


def changed(config: Any, rng: random.Random) -> Any:
    """Return a configuration with one value replaced by another kind of value, somewhere."""
    places = list(_places(config))
    parent, key = rng.choice(places)
    strange = [None, True, -1, 0, 2**70, 1e300, "", "é", "../x", [], {}, [[]], {"class_name": []}]
    strange += [{"class_name": "Lambda"}, {"class_name": "Dense", "config": []}, list(range(50))]
    parent[key] = rng.choice(strange) if rng.random() < 0.8 else rng.choice(places)[0]
    return config


def _places(root: Any) -> Iterator[tuple[Any, Any]]:
    pending = [root]
    while pending:
        value = pending.pop()
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, child in list(entries):
            yield value, key
            if isinstance(child, dict | list):
                pending.append(child)


def check(action: Callable[[], object], content: bytes, kind: str) -> None:
    """Run ``action``; keep ``content`` if it ends in anything but a result or an InputError."""
    started_s = time.monotonic()
    try:
        action()
    except InputError as refused:
        if len(str(refused)) >= 3_000:
            raise
    except BaseException:
        _keep(content, kind)
        raise
    if time.monotonic() - started_s > SLOWEST_S:
        _keep(content, kind)
        pytest.fail(f"took {time.monotonic() - started_s:.0f} s")


def _keep(content: bytes, kind: str) -> None:
    folder = Path(os.environ.get("FUZZ_FOUND", "fuzz-found"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{abs(hash(content)):x}.{kind}").write_bytes(content)


def until() -> Iterator[random.Random]:
    """Yield a generator for every try, until the time is over."""
    end_s, number = time.monotonic() + SECONDS, 0
    while time.monotonic() < end_s:
        number += 1
        yield random.Random(f"{SEED}/{number}")  # noqa: S311


def read_archive(content: bytes, folder: Path) -> None:
    path = folder / "model.keras"
    path.write_bytes(content)
    judge(keras_archive.read(path).config, path)


def judge(config: Any, path: Path) -> None:
    """Do with a configuration all that is done before Keras sees it."""
    modern, _ = keras_versions.modernise_config(config, path)
    front_end_layer.find_front_end(modern, path)
    allowlist.refuse_foreign_objects(modern, path)


def read_weights(content: bytes) -> None:
    hdf5.read_groups(content, max_bytes=1 << 20, where="file", timeout_s=SLOWEST_S / 2)


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*")), ids=lambda path: path.name)
def test_what_was_found_before(path: Path, tmp_path: Path) -> None:
    content = path.read_bytes()
    if path.suffix == ".h5":
        check(lambda: read_weights(content), content, "h5")
    else:
        check(lambda: read_archive(content, tmp_path), content, "keras")


def test_the_undamaged_one_is_read(tmp_path: Path) -> None:
    read_archive(packed(small()), tmp_path)


def test_weights_files() -> None:
    content = small()[keras_archive.WEIGHTS]
    for rng in until():
        bad = damaged(content, rng)
        check(lambda bad=bad: read_weights(bad), bad, "h5")  # type: ignore[misc]


def test_archives(tmp_path: Path) -> None:
    content = packed(small())
    for rng in until():
        bad = damaged(content, rng)
        check(lambda bad=bad: read_archive(bad, tmp_path), bad, "keras")  # type: ignore[misc]


def test_configurations(tmp_path: Path) -> None:
    text = small()[keras_archive.CONFIG]
    for rng in until():
        config = changed(json.loads(text), rng)
        try:
            bad = json.dumps(config)
        except ValueError:  # it became part of itself
            continue
        check(lambda config=config: judge(config, tmp_path), bad.encode(), "json")  # type: ignore[misc]
