"""A training that was stopped or killed goes on, and ends as one that was not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from birdnet_stm32.frontend.contract import ModelContract, contract_to_json
from birdnet_stm32.model.training import kept_state
from birdnet_stm32.model.training.examples import Examples, labelled
from birdnet_stm32.model.training.fit import FitSettings, Refitted, Trained, refit, train
from birdnet_stm32.model.training.kept_state import Keeping
from birdnet_stm32.model.training.stopping import StoppedError
from birdnet_stm32.model.training.student import Student
from birdnet_stm32.model.training.targets import one_hot

pytestmark = pytest.mark.slow

SETTINGS = FitSettings(epochs=3, batch_size=4, seed=3, average=0.9, patience=2)
STEPS = 3  # in an epoch of twelve examples


class KilledError(Exception):
    """Stands for the end of the process."""


def noise(count: int, seed: int) -> Examples:
    windows = np.random.default_rng(seed).integers(-9_000, 9_000, (count, 4_000), np.int16)
    return labelled(windows, one_hot(np.arange(count) % 2, 2))


def student(contract: ModelContract) -> Callable[[], Student]:
    """A small network with dropout, of which one layer learns slowly."""

    def make() -> Student:
        inputs = keras.Input(contract.frontend.input_shape)
        hidden = keras.layers.Dense(8, name="slow")(keras.layers.Flatten()(inputs))
        dropped = keras.layers.Dropout(0.5, seed=3)(keras.layers.BatchNormalization()(hidden))
        return Student(model=keras.Model(inputs, keras.layers.Dense(2)(dropped)), rates={"slow": 0.5})

    return make


def go(contract: ModelContract, settings: FitSettings = SETTINGS, **options: Any) -> Trained:
    return train(student(contract), contract, noise(12, 0), noise(4, 1), settings, **options)


def dies_after(step: int) -> Callable[[int, int], None]:
    def look(done: int, total: int) -> None:
        if done == step:
            raise KilledError

    return look


def assert_equal(one: Trained | Refitted, other: Trained | Refitted) -> None:
    for here, there in zip(one.model.get_weights(), other.model.get_weights(), strict=True):
        np.testing.assert_array_equal(here, there)


@pytest.fixture(scope="module")
def whole(contract: ModelContract) -> Trained:
    return go(contract)


@pytest.mark.parametrize("every_s", [0.0, 3600.0])
def test_it_ends_with_the_same_weights_wherever_it_was_killed(
    contract: ModelContract, whole: Trained, tmp_path: Path, every_s: float
) -> None:
    """In the first epoch, between two, in the last; and, at last, where no state was ever kept."""
    keeping = Keeping(folder=tmp_path / "states", identity="", every_s=every_s)
    for step in (2, STEPS, STEPS + 1, 3 * STEPS):
        with pytest.raises(KilledError):
            go(contract, keeping=keeping, on_step=dies_after(step))
    resumed = go(contract, keeping=keeping)
    assert resumed.history == whole.history
    assert resumed.best_epoch == whole.best_epoch
    assert_equal(resumed, whole)


def test_a_finished_training_is_not_repeated(contract: ModelContract, whole: Trained, tmp_path: Path) -> None:
    keeping = Keeping(folder=tmp_path, identity="")
    go(contract, keeping=keeping)
    again = go(contract, keeping=keeping, on_step=dies_after(1))
    assert again.history == whole.history
    assert_equal(again, whole)


def test_the_second_training_goes_on_too(contract: ModelContract, tmp_path: Path) -> None:
    keeping = Keeping(folder=tmp_path, identity="", every_s=0)
    make, examples = student(contract), noise(12, 0)
    with pytest.raises(KilledError):
        refit(make, contract, examples, SETTINGS, epochs=2, keeping=keeping, on_step=dies_after(STEPS + 2))
    resumed = refit(make, contract, examples, SETTINGS, epochs=2, keeping=keeping)
    once = refit(make, contract, examples, SETTINGS, epochs=2)
    assert resumed.losses == once.losses
    assert_equal(resumed, once)


def test_a_state_of_other_settings_recordings_or_code_is_not_used(
    contract: ModelContract, tmp_path: Path
) -> None:
    said: list[str] = []
    keeping = Keeping(folder=tmp_path, identity="one", every_s=0, say=said.append)
    with pytest.raises(KilledError):
        go(contract, keeping=keeping, on_step=dies_after(2))
    for settings, identity in ((SETTINGS, "other"), (replace(SETTINGS, epochs=4), "one")):
        with pytest.raises(KilledError):  # it begins, so there is a step 1
            go(
                contract,
                settings,
                keeping=replace(keeping, identity=identity, every_s=60),
                on_step=dies_after(1),
            )
        assert "is that of a training on other recordings, or with other settings" in said.pop()
    go(contract, replace(SETTINGS, workers=3), keeping=keeping, on_step=dies_after(1))
    assert not said


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "foreign"])
def test_a_damaged_state_is_not_used(
    contract: ModelContract, whole: Trained, tmp_path: Path, damage: str
) -> None:
    said: list[str] = []
    keeping = Keeping(folder=tmp_path, identity="", every_s=0, say=said.append)
    with pytest.raises(KilledError):
        go(contract, keeping=keeping, on_step=dies_after(2))
    [path] = tmp_path.iterdir()
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(
        {
            "cut": content[:middle],
            "changed": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "empty": b"",
            "foreign": b"PK\x03\x04 something else",
        }[damage]
    )
    assert_equal(go(contract, keeping=keeping), whole)
    assert said == [f"{path}: the state is damaged; the training starts anew"]


def test_ctrl_c_ends_it_after_a_step_and_keeps_what_it_came_to(
    contract: ModelContract, whole: Trained, tmp_path: Path
) -> None:
    def press(done: int, total: int) -> None:
        assert total == 3 * STEPS
        if done == 2:
            signal.raise_signal(signal.SIGINT)

    keeping = Keeping(folder=tmp_path, identity="")
    with pytest.raises(StoppedError, match=r"^in epoch 1, after 2 of 3 steps$"):
        go(contract, keeping=keeping, on_step=press)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert_equal(go(contract, keeping=keeping, on_step=dies_after(1)), whole)


def test_ctrl_c_without_a_place_for_the_state_says_so(contract: ModelContract) -> None:
    def press(done: int, total: int) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(StoppedError, match="after 1 of 3 steps, and nothing of it is kept"):
        go(contract, on_step=press)


def test_a_second_ctrl_c_ends_it_at_once(contract: ModelContract) -> None:
    def press(done: int, total: int) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as stopped:
        go(contract, on_step=press)
    assert not isinstance(stopped.value, StoppedError)


def test_forgotten_states_leave_what_others_put_beside_them(tmp_path: Path) -> None:
    folder = tmp_path / "states"
    folder.mkdir()
    for name in ("training.state", ".refit.state.partial", "notes.txt"):
        (folder / name).touch()
    kept_state.forget(folder)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    (folder / "notes.txt").unlink()
    kept_state.forget(folder)
    assert not folder.exists()


PROGRAM = """\
import os, signal, sys
from pathlib import Path
import numpy as np
from birdnet_stm32.frontend.contract import read_contract
from birdnet_stm32.model.training.kept_state import Keeping
import test_going_on as here

folder, moment, step = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
contract = read_contract(folder / "config.json")
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
writes = [0]
def hook(event, arguments):
    if event == "os.rename" and str(arguments[0]).endswith(".partial"):
        writes[0] += 1
        if moment == "renames" and writes[0] == step:
            die()
sys.addaudithook(hook)
look = lambda done, total: die() if moment == "steps" and done == step else None
trained = here.go(contract, keeping=Keeping(folder=folder, identity="", every_s=0), on_step=look)
np.savez(folder / "weights.npz", *trained.model.get_weights())
"""


def test_a_killed_process_is_continued_by_the_next(
    contract: ModelContract, whole: Trained, tmp_path: Path
) -> None:
    """Killed while it writes its second state, then in a later epoch; the third process ends."""
    program = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    (tmp_path / "config.json").write_text(json.dumps(contract_to_json(contract)))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    for moment, step in (("renames", 2), ("steps", 2 * STEPS - 1)):
        killed = subprocess.run([*program, moment, str(step)], env=environment, check=False)
        assert killed.returncode == -signal.SIGKILL
    subprocess.run([*program, "never", "0"], env=environment, check=True)
    with np.load(tmp_path / "weights.npz") as weights:
        for name, wanted in zip(weights.files, whole.model.get_weights(), strict=True):
            np.testing.assert_array_equal(weights[name], wanted)
