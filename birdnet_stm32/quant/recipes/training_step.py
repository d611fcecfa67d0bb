"""The step that trains: quantization-aware training with the weights and the activations rounded."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np

from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.quant.recipes.rewriting_steps import FLOAT_FRONT_END
from birdnet_stm32.quant.recipes.score import agreement
from birdnet_stm32.quant.recipes.step import Draft, Step, TrainingInput
from birdnet_stm32.quant.rewriting.network import Floats, Network
from birdnet_stm32.quant.simulation.grids import Ranges, ranges_in_order
from birdnet_stm32.quant.simulation.run_network import observe_network, run_network, sigmoid
from birdnet_stm32.quant.training import activation_qat
from birdnet_stm32.quant.training.activation_qat import TunedEpoch
from birdnet_stm32.quant.training.augment import augment
from birdnet_stm32.quant.training.reached import Reached
from birdnet_stm32.quant.training.settings import QatSettings
from birdnet_stm32.quant.verify import compare
from birdnet_stm32.tflite import interpreter

AUGMENTED_PER_WINDOW = 3
# Rounded activations make the gradient noisy. A rate that suits the training of weights alone is ten times
# too high.
ACTIVATION_RATE = 0.1


def _train(draft: Draft, given: TrainingInput) -> Draft:
    """Fine-tune the network and keep the epoch whose int8 network is best on the held-out windows."""
    network, settings, choice = draft.rewritten, given.settings, given.range_choice
    spec = draft.contract.frontend
    held_out = features(given.held_out_pcm, spec)
    shares = choice.shares(network, draft.windows, observe_network(network, draft.windows).ranges)
    expected = sigmoid(run_network(network, held_out))
    epochs: list[dict[str, Any]] = []

    def windows(epoch: int) -> Floats:
        rng = np.random.default_rng((settings.seed, epoch))
        new = augment(draft.pcm, AUGMENTED_PER_WINDOW * len(draft.pcm), rng)
        return np.concatenate([draft.windows, features(new, spec)])

    def ranges(now: Network) -> Ranges:
        return choice.ranges(now, observe_network(now, draft.windows).ranges, shares)

    def score(now: Network) -> Reached:
        tflite = to_tflite(now, ranges(now), draft.windows)
        found = sigmoid(interpreter.run(tflite, held_out))
        return Reached(
            closeness=agreement(compare(expected, found)),
            cmap=None if given.ranking is None else given.ranking(found),
        )

    def on_epoch(epoch: TunedEpoch) -> None:
        epochs.append(asdict(epoch))
        given.report(epoch.number, settings.epochs + 1)

    tuned = activation_qat.tune_network(
        network,
        windows,
        lambda inputs: sigmoid(run_network(network, inputs)),
        ranges,
        score,
        QatSettings(
            epochs=settings.epochs,
            learning_rate=ACTIVATION_RATE * settings.learning_rate,
            batch_size=settings.batch_size,
            seed=settings.seed,
        ),
        on_epoch=on_epoch,
    )
    return replace(draft, network=tuned, notes={**draft.notes, "qat": epochs})


def to_tflite(network: Network, ranges: Ranges, windows: Floats) -> bytes:
    """Convert a network with given operand ranges.

    Args:
        network: the network.
        ranges: operand range of each tensor, by name.
        windows: float32 [n, *input shape], n >= 1; the converter needs one to make room for ranges.
    """
    from birdnet_stm32.quant.convert import convert
    from birdnet_stm32.quant.rewriting.keras_io import to_keras

    return convert(to_keras(network), windows[:1], ranges=ranges_in_order(network, ranges))


QAT = Step(
    name="quantization-aware training",
    does="The weights are fine-tuned while every tensor is rounded; the float network is the teacher.",
    needs=(FLOAT_FRONT_END,),
    train=_train,
)
