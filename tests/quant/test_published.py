"""The published checkpoint over real recordings: converts to int8, and misses its gate as measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.audio.decoding.decode import decode
from birdnet_stm32.audio.windows.window_positions import center_crop
from birdnet_stm32.config.variant import VerifyTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import read_contract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.gates import failures
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.quant import verify
from birdnet_stm32.quant.convert import convert, float_graph
from birdnet_stm32.quant.sensitivity.hybrid_model import int8_tensors
from birdnet_stm32.quant.training import weight_qat
from birdnet_stm32.quant.training.settings import QatSettings
from birdnet_stm32.tflite import interpreter
from birdnet_stm32.tflite.reader import parse_model

pytestmark = [pytest.mark.slow, pytest.mark.shared]


def real_windows(shared: Path, rate_hz: int, samples: int) -> np.ndarray:
    recordings = sorted((shared / "data/birds").rglob("*.flac"))[::10]
    decoded = [decode(path, sample_rate_hz=rate_hz) for path in recordings]
    return np.stack([center_crop(pcm, samples) for pcm in decoded if isinstance(pcm, np.ndarray)])


def test_published_checkpoint(shared: Path) -> None:
    base = shared / "checkpoints"
    contract = read_contract(base / "birdnet_stm32n6_100_model_config.json")
    spec = contract.frontend
    model = checkpoint.load(base / "birdnet_stm32n6_100.keras", contract)
    inputs = features(real_windows(shared, spec.sample_rate_hz, spec.window_samples), spec)
    calibration, validation = inputs[::2], inputs[1::2]

    tflite = convert(model, calibration)
    expected = probabilities(model.predict(validation, batch_size=16, verbose=0), contract)
    measured = probabilities(interpreter.run(tflite, validation), contract)
    comparison = verify.compare(expected, measured)
    assert 0.75 < comparison.all.cosine_mean < 0.93
    gates = verify.agreement_gates(comparison, VerifyTable(min_cosine_mean=0.95, min_cosine_p05=0.90))
    assert len(failures(gates)) == 2
    suggested = verify.remedies(contract, tried=("ptq",), per_tensor=False, doctor="doctor")
    assert [word for word in ("inner_subranges", "qat.when") if word not in "\n".join(suggested)] == []

    epochs: list[weight_qat.WeightQatEpoch] = []
    tuned = weight_qat.tune_weights(
        model,
        calibration,
        None,
        QatSettings(epochs=1, learning_rate=1e-5, batch_size=8, seed=0),
        output_activation=contract.output_activation,
        on_epoch=epochs.append,
    )
    assert epochs[0].held_out_loss < 1e-3  # kernels alone cost next to nothing
    assert np.abs(tuned.predict(validation, batch_size=16, verbose=0) - expected).max() < 0.1


def test_the_published_int8_file_is_refused_for_what_it_is(shared: Path) -> None:
    base = shared / "checkpoints/birdnet_stm32n6_100"
    contract = read_contract(Path(f"{base}_model_config.json"))
    model = checkpoint.load(Path(f"{base}.keras"), contract)
    float_model = parse_model(float_graph(model))
    published = parse_model(Path(f"{base}.tflite").read_bytes())
    with pytest.raises(InputError, match="an open batch: it has 1 CONCATENATION, 1 FILL, 1 PACK, 1 SHAPE"):
        int8_tensors(published, float_model)
