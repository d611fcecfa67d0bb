"""The learned filterbank: it is the filterbank it claims to be, in shapes that the NPU computes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import Frontend, FrontendSpec, ModelContract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.architecture import filterbank
from birdnet_stm32.model.architecture.dscnn import build_dscnn
from birdnet_stm32.npu.operator_mapping import MappingKind, mapping_of
from birdnet_stm32.quant.convert import convert
from birdnet_stm32.tflite.node import nodes
from birdnet_stm32.tflite.reader import read_graph

SPEC = FrontendSpec(kind=Frontend.RAW, sample_rate_hz=8_000, window_samples=4_000, spec_width=32, num_mels=16)


@given(st.integers(4_000, 65_535), st.integers(32, 1_024))
def test_every_window_below_the_limit_can_be_folded(samples: int, spec_width: int) -> None:
    shape = filterbank.fold_waveform(replace(SPEC, window_samples=samples, spec_width=spec_width))
    assert shape.block <= filterbank.MAX_TAPS
    assert samples <= shape.rows * shape.block < 65_536
    # The last filter's last block is the last of the window, or beyond it.
    assert 2 * (shape.frames - 1) >= shape.rows - 1
    assert 2 * shape.frames - shape.rows >= filterbank.BLOCKS - 1


def test_usual_windows_keep_their_frames() -> None:
    assert filterbank.fold_waveform(replace(SPEC, window_samples=55_125, spec_width=256)).frames == 248
    shape = filterbank.fold_waveform(replace(SPEC, window_samples=60_000, spec_width=256))
    assert (shape.block, shape.frames) == (112, 270)


def test_a_longer_window_is_refused() -> None:
    with pytest.raises(InputError, match="at most 65535"):
        filterbank.fold_waveform(replace(SPEC, window_samples=65_536))


def test_the_partial_convolutions_are_one_filter(contract: ModelContract) -> None:
    model = build_dscnn(replace(contract, frontend=SPEC), seed=2)
    windows = np.random.default_rng(0).integers(-9_000, 9_000, (2, 4_000), dtype=np.int16)
    inputs = features(windows, SPEC)
    found = np.asarray(keras.Model(model.input, model.get_layer("phases_relu").output)(inputs))[:, :, 0]
    shape = filterbank.fold_waveform(SPEC)
    filters = filterbank.initial_filters(SPEC)
    padded = np.pad(inputs[..., 0], ((0, 0), (3 * shape.block, 5 * shape.block)))
    for frame in (0, 1, shape.frames // 2, shape.frames - 1):
        start = 2 * frame * shape.block
        heard = padded[:, start : start + len(filters)]
        np.testing.assert_allclose(found[:, frame], np.maximum(heard @ filters, 0), atol=1e-6)


def test_a_tone_is_loudest_in_its_band(contract: ModelContract) -> None:
    model = build_dscnn(replace(contract, frontend=SPEC))
    levels = keras.Model(model.input, model.get_layer("bands").output)
    seconds = np.arange(4_000) / 8_000
    loudest = []
    for pitch_hz in (300, 800, 1_700, 3_500):
        pcm = (9_000 * np.sin(2 * np.pi * pitch_hz * seconds)).astype(np.int16)
        heard = np.asarray(levels(features(pcm[np.newaxis], SPEC)))[0, 2:-2, 0]
        # The two phases give a level that hardly depends on where the frame lies in the wave.
        assert heard.std(axis=0)[heard.mean(axis=0).argmax()] < 0.15 * heard.mean(axis=0).max()
        loudest.append(int(heard.mean(axis=0).argmax()))
    assert loudest == sorted(set(loudest))


@pytest.mark.slow
def test_the_npu_computes_every_operator_of_it(contract: ModelContract) -> None:
    windows = np.random.default_rng(0).integers(-9_000, 9_000, (4, 4_000), dtype=np.int16)
    graph = read_graph(
        convert(build_dscnn(replace(contract, frontend=SPEC)), features(windows, SPEC)), where="raw.tflite"
    )
    names = Counter(operator.name for operator in graph.operators)
    assert not names.keys() & {"ABS", "NEG", "MINIMUM", "MAXIMUM", "STRIDED_SLICE", "SLICE", "TRANSPOSE"}
    filters = [operator for operator in graph.operators if operator.name == "CONV_2D"][: filterbank.BLOCKS]
    for operator in filters:
        _, rows, columns, channels = graph.tensors[operator.inputs[1]].shape
        assert rows * columns * channels <= filterbank.MAX_TAPS
        assert max(int(operator.options[f"stride_{axis}"]) for axis in "hw") == 2
    for operator in nodes(graph):
        if operator.name in {"CONV_2D", "PAD", "RESHAPE"}:
            assert mapping_of(operator).kind is MappingKind.HARDWARE, operator.name
