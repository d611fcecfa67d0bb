"""Devices: several give the weights that one gives, and one that is not there is an error."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from birdnet_stm32.errors import InputError
from birdnet_stm32.model.training.devices import check_batch_size, strategy_of

PROGRAM = Path(__file__).with_name("two_devices.py")


def start(out: Path, devices: int, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, PROGRAM, out, str(devices)],
        env=os.environ | (environment or {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def result(out: Path, program: subprocess.Popen[str]) -> dict[str, np.ndarray]:
    try:
        _, messages = program.communicate(timeout=600)
    finally:
        program.kill()
    assert program.returncode == 0, messages
    return dict(np.load(out))


@pytest.fixture(scope="module")
def of_one_device(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    out = tmp_path_factory.mktemp("one") / "one.npz"
    return result(out, start(out, 1))


def assert_same(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-4, err_msg=name)


@pytest.mark.slow
def test_two_devices_give_the_weights_of_one(tmp_path: Path, of_one_device: dict[str, np.ndarray]) -> None:
    out = tmp_path / "two.npz"
    assert_same(result(out, start(out, 2)), of_one_device)


@pytest.mark.slow
def test_two_machines_give_the_weights_of_one(tmp_path: Path, of_one_device: dict[str, np.ndarray]) -> None:
    """Two programs on this machine stand in for two machines."""
    with socket.create_server(("localhost", 0)) as one, socket.create_server(("localhost", 0)) as other:
        addresses = [f"localhost:{server.getsockname()[1]}" for server in (one, other)]
    programs = []
    for index in range(2):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        out = tmp_path / f"{index}.npz"
        programs.append((out, start(out, 1, {"TF_CONFIG": json.dumps(task)})))
    found = [result(out, program) for out, program in programs]
    assert_same(found[0], of_one_device)
    for name, values in found[0].items():
        np.testing.assert_array_equal(found[1][name], values, err_msg=name)


@pytest.mark.parametrize("devices", ["gpu", "all"])
def test_a_gpu_that_is_not_there_is_an_error(devices: str) -> None:
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU")
    with pytest.raises(InputError, match="finds no GPU") as raised:
        strategy_of(devices)  # type: ignore[arg-type]
    assert f'devices = "{devices}"' in str(raised.value)


@pytest.mark.parametrize("cluster", ["{", '{"cluster": {"worker": ["localhost:1"]}}'])
def test_machines_that_are_not_named_are_an_error(cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", cluster)
    with pytest.raises(InputError, match="does not name machines"):
        strategy_of("cpu")


def test_every_device_gets_an_example() -> None:
    strategy = tf.distribute.get_strategy()
    check_batch_size(1, strategy)
    with pytest.raises(InputError, match="fewer than there are devices"):
        check_batch_size(0, strategy)
