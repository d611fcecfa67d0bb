"""A configuration that contradicts its checkpoint is doubted; the right one is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.audio.decoding.decode import decode
from birdnet_stm32.audio.windows.window_positions import center_crop
from birdnet_stm32.frontend.contract import Compression, Frontend, FrontendSpec, InputLayout, read_contract
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.model.front_end_check import (
    alternative_front_ends,
    checkpoint_warnings,
    front_end_warnings,
    information_nats,
)

MEL = FrontendSpec(
    kind=Frontend.MEL,
    sample_rate_hz=8_000,
    window_samples=4_000,
    fft_length=512,
    spec_width=32,
    num_mels=32,
    compression=Compression.SQRT,
)
WINDOWS = np.zeros((60, 4), np.int16)


def test_what_the_shapes_allow_too() -> None:
    assert len(alternative_front_ends(MEL)) == 3
    assert len(alternative_front_ends(replace(MEL, spec_width=40))) == 2
    assert len(alternative_front_ends(replace(MEL, kind=Frontend.HYBRID))) == 2
    assert alternative_front_ends(replace(MEL, kind=Frontend.RAW)) == {}


def test_equal_answers_hold_no_information() -> None:
    assert information_nats(np.full((5, 3), 0.2, np.float32)) == pytest.approx(0, abs=1e-12)
    assert information_nats(np.eye(4, dtype=np.float32)) == pytest.approx(np.log(4), abs=1e-6)
    assert np.isfinite(information_nats(np.zeros((3, 2), np.float32))).all()


def score_like(right: FrontendSpec, strength: float):  # type: ignore[no-untyped-def]
    """Return a network that distinguishes windows when it is fed as ``right`` says."""

    def score(spec: FrontendSpec, windows: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(0)
        clear = np.eye(5, dtype=np.float32)[rng.integers(5, size=len(windows))]
        return 0.05 + (strength if spec == right else 0.2) * clear + 0.01 * rng.random((len(windows), 5))

    return score


def test_the_reading_that_is_understood_is_named() -> None:
    turned = replace(MEL, layout=InputLayout.FREQUENCY_MAJOR)
    plain = replace(MEL, compression=Compression.NONE)
    for right, key in ((turned, '"input_layout": "frequency_major"'), (plain, '"input_compression": "none"')):
        (doubt,) = front_end_warnings(MEL, WINDOWS, score_like(right, 0.9))
        assert key in doubt
    assert front_end_warnings(MEL, WINDOWS, score_like(MEL, 0.9)) == ()
    assert front_end_warnings(MEL, WINDOWS, score_like(turned, 0.2)) == ()
    assert front_end_warnings(MEL, WINDOWS[:20], score_like(turned, 0.9)) == ()


@pytest.mark.slow
@pytest.mark.shared
def test_the_published_checkpoint_with_right_and_wrong_configurations(shared: Path) -> None:
    base = shared / "checkpoints/birdnet_stm32n6_100"
    contract = read_contract(Path(f"{base}_model_config.json"))
    model = checkpoint.load(Path(f"{base}.keras"), contract)
    spec = contract.frontend
    recordings = sorted((shared / "data/birds").rglob("*.flac"))[::8]
    decoded = [decode(path, sample_rate_hz=spec.sample_rate_hz) for path in recordings]
    windows = np.stack(
        [center_crop(pcm, spec.window_samples) for pcm in decoded if isinstance(pcm, np.ndarray)]
    )
    assert checkpoint_warnings(model, contract, windows) == ()
    for wrong in (Compression.SQRT, Compression.LOG):
        changed = replace(contract, frontend=replace(spec, compression=wrong))
        (doubt,) = checkpoint_warnings(model, changed, windows)
        assert '"input_compression": "none"' in doubt
