"""``layers``: the rankings, the JSON, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from birdnet_stm32.commands.shared.model_files import files_beside_model
from birdnet_stm32.files.tree import write_tree
from birdnet_stm32.frontend.contract import ModelContract

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def quantized(untrained: Path, contract: ModelContract, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint as int8."""
    import numpy as np

    from birdnet_stm32.model.checkpoints import checkpoint
    from birdnet_stm32.quant.convert import convert

    rng = np.random.default_rng(2)
    windows = rng.random((4, *contract.frontend.input_shape)).astype(np.float32)
    path = tmp_path_factory.mktemp("quantized") / "model.tflite"
    path.write_bytes(convert(checkpoint.load(untrained, contract), windows))
    return path


def test_tensors_are_ranked(
    command: Callable[..., Any], untrained: Path, quantized: Path, birds: Path, tmp_path: Path
) -> None:
    target = tmp_path / "layers.json"
    ended = command(
        *("layers", "--model_path", quantized, "--checkpoint_path", untrained),
        *("--data_path_train", birds, "--validate_samples", 16, "--json", target),
    )
    assert ended.exit_code == 0, ended.err
    fields = json.loads(target.read_text(encoding="utf-8"))
    gains = [tensor["gain"] for tensor in fields["tensors"]]
    assert gains == sorted(gains, reverse=True)
    assert 3 <= fields["windows"] <= 16
    assert {"input", "front end", "stem", "classifier"} <= {group["name"] for group in fields["groups"]}
    for name in (
        "part in float",
        "mel_mixer",
        "stage1_block1_dw",
        f"{fields['windows']} windows: mean cosine ",
    ):
        assert name in ended.out


def test_standard_output_can_be_json_alone(
    command: Callable[..., Any], untrained: Path, quantized: Path, birds: Path
) -> None:
    ended = command(
        *("layers", "--model_path", quantized, "--checkpoint_path", untrained),
        *("--data_path_train", birds, "--validate_samples", 16, "--json", "-"),
    )
    assert ended.exit_code == 0, ended.err
    assert json.loads(ended.out)["tensors"][0]["operator"]


def test_a_checkpoint_that_the_model_was_not_made_from_is_refused(
    command: Callable[..., Any], quantized: Path, birds: Path, tmp_path: Path, contract: ModelContract
) -> None:
    from dataclasses import replace

    from birdnet_stm32.model.architecture import dscnn
    from birdnet_stm32.model.checkpoints import checkpoint

    deeper, other = replace(contract, depth_multiplier=2), tmp_path / "deeper.keras"
    checkpoint.save(dscnn.build_dscnn(deeper, seed=1), other)
    write_tree(other.parent, files_beside_model(other, deeper))
    ended = command(
        *("layers", "--model_path", quantized, "--checkpoint_path", other),
        *("--data_path_train", birds, "--validate_samples", 16),
    )
    assert ended.exit_code == 2
    assert f"{quantized}: the operators differ" in ended.err
    assert "the float model that the int8 model was made from" in ended.err
