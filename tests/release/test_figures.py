"""Pictures survive odd data: constant, empty, single values."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest

from birdnet_stm32.codegen.network_document import NetworkDocument
from birdnet_stm32.gates import Direction, judge
from birdnet_stm32.model.training.history import EpochReport, HistoryDocument
from birdnet_stm32.quant.sensitivity.layer_report import GroupReport, LayerReport, TensorReport
from birdnet_stm32.release import figures


def test_a_spectrogram_has_a_pixel_a_value_and_low_frequencies_below() -> None:
    spectrogram = np.zeros((20, 30))
    spectrogram[:10] = 1.0
    png = figures.spectrogram_png(spectrogram)
    assert struct.unpack(">II", png[16:24]) == (30, 20)

    import io

    from matplotlib.image import imread

    pixels = imread(io.BytesIO(png))
    assert pixels[-1].mean() > pixels[0].mean()


@pytest.mark.parametrize("spectrogram", [np.zeros((4, 4)), np.full((4, 4), 7.0), np.ones((1, 1))])
def test_a_spectrogram_without_contrast_is_drawn(spectrogram: np.ndarray) -> None:
    assert figures.spectrogram_png(spectrogram).startswith(b"\x89PNG")


def test_pictures_repeat_byte_by_byte() -> None:
    values = np.linspace(0.5, 1.0, 50)
    gates = (judge("cosine_mean", "mean cosine", 1, Direction.AT_LEAST, 0.95),)
    first, second = (figures.cosine_histogram(values, gates) for _ in range(2))
    assert first == second
    assert "mean ≥ 0.95" in first


@pytest.mark.parametrize("cosines", [np.array([]), np.array([1.0]), np.array([-0.5, 0.2])])
def test_histograms_of_few_values(cosines: np.ndarray) -> None:
    assert figures.cosine_histogram(cosines, ()).startswith("<svg viewBox=")


def test_the_scatter_keeps_the_highest_probabilities() -> None:
    rng = np.random.default_rng(0)
    many = rng.random((500, 100))
    assert len(figures.agreement_scatter(many, many)) < 400_000


def test_a_training_of_one_epoch_is_drawn() -> None:
    epoch = EpochReport(epoch=1, learning_rate=0.1, loss=0.5, validation_loss=0.6, validation_accuracy=0.5)
    assert "training loss" in figures.training_curve(HistoryDocument(best_epoch=1, epochs=(epoch,)))


def test_an_empty_arena_is_drawn(network: NetworkDocument) -> None:
    assert figures.arena_plan(network).startswith("<svg")
    empty = replace(network.arena, size_bytes=0, workspace_bytes=0, tensors=())
    assert figures.arena_plan(replace(network, arena=empty, operators=())).startswith("<svg")


def test_parts_are_drawn_however_many_and_their_names_escaped() -> None:
    def chart(count: int) -> str:
        names = [f"<b>{number}$x$" + 40 * "x" for number in range(count)]
        gains = {"gain": 0.0, "gain_error": 0.0}
        errors = {"cosine": 1.0, "bias": 0.0, "saturation": 0.0, "codes": 1.0}
        tensors = [
            TensorReport(
                name=name,
                operator="ADD",
                group=name,
                position=number,
                low=0.0,
                high=1.0,
                snr_db=(120.0, -120.0, 20.0)[number % 3],
                **gains,
                **errors,
            )
            for number, name in enumerate(names)
        ]
        groups = [GroupReport(name=name, tensors=(name,), gain_up_to=0.0, **gains) for name in names[::-1]]
        return figures.layer_chart(
            LayerReport(
                windows=1,
                cosine_mean=1.0,
                baseline=1.0,
                weights_gain=0.0,
                groups=tuple(groups),
                tensors=tuple(tensors),
            )
        )

    assert chart(3).index("&lt;b&gt;0$x$") < chart(3).index("&lt;b&gt;2$x$")
    assert "&lt;b&gt;0$x$" in chart(1)
    assert "<b>" not in chart(1)
    assert "x" * 30 not in chart(1)
    heights = [float(chart(count).split('"')[1].split()[3]) for count in (1, 30)]
    assert heights[1] > 2 * heights[0]
