import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from birdnet_stm32.commands.shared.model_files import files_beside_model
from birdnet_stm32.files.tree import write_tree
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.frontend.mixer import Mixer

STAGES = {"window", "stft_magnitude", "compressed", "model_input"}


def test_every_stage_of_every_window_is_described(command: Callable[..., Any], files: Path) -> None:
    ended = command("frontend", "songs/low/0.wav", "--model-config", "config.json")
    assert (ended.exit_code, ended.err) == (0, "")
    document = json.loads(ended.out)
    assert document["audio"] == "0.wav"
    assert len(document["windows"]) > 4
    for window in document["windows"]:
        assert set(window) == {"start_sample", *STAGES}
        assert window["window"]["shape"] == [4_000]


def test_a_recording_equals_its_own_description(command: Callable[..., Any], files: Path) -> None:
    wanted = ("frontend", "songs/low/0.wav", "--model-config", "config.json")
    assert command(*wanted, "--json", "first.json").exit_code == 0
    # The description holds the configuration that it was made with.
    again = command("frontend", "songs/low/0.wav", "--model-config", "first.json", "--compare", "first.json")
    assert (again.exit_code, again.err) == (0, "")


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_a_difference_is_named_and_ends_with_1(command: Callable[..., Any], files: Path, stage: str) -> None:
    wanted = ("frontend", "songs/low/0.wav", "--model-config", "config.json")
    document = json.loads(command(*wanted).out)
    document["windows"][-1][stage]["max"] += 0.01 * abs(document["windows"][-1][stage]["max"])
    (files / "wrong.json").write_text(json.dumps(document))
    ended = command(*wanted, "--json", "out.json", "--compare", "wrong.json")
    assert ended.exit_code == 1
    assert ended.err.startswith(f"birdnet-stm32 frontend: wrong.json: differs in {stage} by ")
    assert "expected: at most 0.0001 of the maximum of a step" in ended.err
    assert json.loads((files / "out.json").read_text())["windows"]


def test_what_was_repaired_is_said_and_a_channel_can_be_chosen(
    command: Callable[..., Any], files: Path
) -> None:
    content = bytearray((files / "songs/low/0.wav").read_bytes())
    content[40:44] = bytes(4)
    (files / "lost.wav").write_bytes(content)
    wanted = ("--model-config", "config.json")
    whole, lost = command("frontend", "songs/low/0.wav", *wanted), command("frontend", "lost.wav", *wanted)
    assert lost.exit_code == 0
    assert lost.err.startswith("lost.wav: length missing in the header: read to the end of the file, ")
    assert json.loads(lost.out)["windows"] == json.loads(whole.out)["windows"]
    assert command("frontend", "songs/low/0.wav", *wanted, "--channel", "mix").out == whole.out
    refused = command("frontend", "songs/low/0.wav", *wanted, "--channel", "2")
    assert refused.exit_code == 2
    assert "has 1 channel, channel 2 is asked for" in refused.err


def test_another_recording_is_told_apart(command: Callable[..., Any], files: Path) -> None:
    command("frontend", "songs/low/0.wav", "--model-config", "config.json", "--json", "low.json")
    other = ("frontend", "songs/high/0.wav", "--model-config", "config.json", "--json", "high.json")
    assert command(*other, "--compare", "low.json").exit_code == 1


def test_a_configuration_with_a_float_front_end_is_read_with_its_file(
    command: Callable[..., Any], files: Path, contract: ModelContract
) -> None:
    spec = contract.frontend
    unbent = np.zeros((0, spec.num_mels), np.float32)
    mixer = Mixer(
        mel=np.ones((spec.bins, spec.num_mels), np.float32),
        k0=np.ones(spec.num_mels, np.float32),
        k=unbent,
        w=unbent,
        b=unbent,
        subranges=(20.0, 200.0),
    )
    (files / "model").mkdir()
    write_tree(
        (files / "model" / "m.tflite").parent,
        files_beside_model(
            files / "model" / "m.tflite", replace(contract, frontend=replace(spec, mixer=mixer))
        ),
    )
    line = ("frontend", "songs/low/0.wav", "--model-config", "model/m_model_config.json")
    document = json.loads(command(*line).out)
    assert document["windows"][0]["mixed"]["shape"] == [16, 32]
    assert document["windows"][0]["model_input"]["shape"] == [32, 16, 2]
    (files / "model" / "float_front_end.npz").unlink()
    ended = command(*line)
    assert ended.exit_code == 2
    assert "model/float_front_end.npz" in ended.err


@pytest.mark.shared
def test_the_shared_vectors_are_met(command: Callable[..., Any], files: Path, shared: Path) -> None:
    folder = shared / "data" / "frontend_vectors"
    (vectors,) = folder.glob("*.json")
    ended = command(
        *("frontend", folder / "test_signal.wav", "--model-config", vectors),
        *("--json", "stages.json", "--compare", vectors),
    )
    assert (ended.exit_code, ended.out, ended.err) == (0, "", "")
