"""The front end of line 1.x, which normalises its bands, runs in float before an int8 network."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.frontend.mixer import mix_bands
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.quant.rewriting.front_end import split_front_end
from birdnet_stm32.quant.rewriting.keras_io import from_keras
from tests.model.checkpoints.line_1x.published_network import build, saved


def loaded(mag_scale: str, tmp_path: Path, seed: int) -> tuple[keras.Model, ModelContract]:
    published = build("hybrid", mag_scale=mag_scale, seed=seed)
    layer, rng = published.get_layer("audio_frontend"), np.random.default_rng(seed)
    gamma, beta, *rest = layer.band_bn.get_weights()
    layer.band_bn.set_weights(
        [gamma * rng.choice([-1, 1, 1], gamma.shape), beta * rng.choice([0, 1, 9], beta.shape), *rest]
    )
    if mag_scale == "pwl":
        for shift in layer.mag_layer._pwl_shift_dws:
            factor, offset = shift.get_weights()
            shift.set_weights(
                [factor * rng.choice([-1, 0, 1], factor.shape), offset * rng.choice([-1, 0, 1], offset.shape)]
            )
    contract = saved(published, tmp_path / "model.keras", output_activation="logit")
    return checkpoint.load(tmp_path / "model.keras", contract, on_note=lambda note: None), contract


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mag_scale", ["none", "pwl"])
def test_the_float_front_end_computes_the_same(mag_scale: str, seed: int, tmp_path: Path) -> None:
    model, contract = loaded(mag_scale, tmp_path, seed)
    x = np.random.default_rng(seed).random((256, 24), dtype=np.float32)
    ends = keras.Model(model.inputs[0], model.get_layer("audio_frontend").output)
    expected = np.asarray(ends(x[np.newaxis, ..., np.newaxis]))[0, ..., 0]

    mixer, _, _ = split_front_end(from_keras(model), contract)

    assert expected.std() > 0.02
    np.testing.assert_allclose(mix_bands(x, mixer), expected, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_a_band_of_both_signs_is_no_mel_band(tmp_path: Path) -> None:
    model, contract = loaded("none", tmp_path, 0)
    mixer = model.get_layer("audio_frontend_mel_mixer")
    (kernel,) = mixer.get_weights()
    kernel[0, 0, ::2] *= -1
    mixer.set_weights([kernel])
    with pytest.raises(InputError, match="is not a mel mixer"):
        split_front_end(from_keras(model), contract)
