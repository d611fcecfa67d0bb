"""Train a small network on parts of the processor, each of them taken for a device; a program of its own.

TensorFlow divides the processor only before its first use. So ``test_devices.py`` starts this program.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

from birdnet_stm32.frontend.contract import (
    Compression,
    Frontend,
    FrontendSpec,
    MagnitudeScale,
    ModelContract,
    OutputActivation,
)
from birdnet_stm32.model.architecture import dscnn
from birdnet_stm32.model.training import fit
from birdnet_stm32.model.training.augment import Augmentation
from birdnet_stm32.model.training.examples import labelled
from birdnet_stm32.model.training.kept_state import Keeping
from birdnet_stm32.model.training.predict import predict
from birdnet_stm32.model.training.student import new_student
from birdnet_stm32.model.training.targets import UNJUDGED, one_hot

CONTRACT = ModelContract(
    frontend=FrontendSpec(
        kind=Frontend.MEL,
        sample_rate_hz=8_000,
        window_samples=4_000,
        fft_length=256,
        spec_width=32,
        num_mels=16,
        compression=Compression.SQRT,
    ),
    labels=("low", "high"),
    magnitude_scale=MagnitudeScale.NONE,
    output_activation=OutputActivation.LOGIT,
    alpha=0.1,
    embedding_size=32,
)
SETTINGS = fit.FitSettings(
    epochs=2, batch_size=8, learning_rate=1e-3, seed=3, average=0.9, augmentation=Augmentation(silence=0.1)
)


def main(out: str, devices: int) -> None:
    """Train and write the losses, the weights and a prediction to ``out``."""
    dscnn.DROPOUT = 0.0  # each device draws other units to leave out
    if devices > 1:
        [processor] = tf.config.list_physical_devices("CPU")
        parts = [tf.config.LogicalDeviceConfiguration() for _ in range(devices)]
        tf.config.set_logical_device_configuration(processor, parts)
        names = [part.name for part in tf.config.list_logical_devices("CPU")]
        fit.strategy_of = lambda _: tf.distribute.MirroredStrategy(names)
    rng = np.random.default_rng(0)
    windows = rng.integers(-9_000, 9_000, (20, 4_000), dtype=np.int16)
    targets = one_hot(np.arange(20) % 2, 2)
    targets[:5, 1] = UNJUDGED  # a batch's parts then differ in how much is judged
    examples = labelled(windows, targets)
    keeping = Keeping(folder=Path(f"{out}.unfinished"), identity="")
    trained = fit.train(
        lambda: new_student(CONTRACT, 3), CONTRACT, examples, examples, SETTINGS, keeping=keeping
    )
    losses = [(epoch.loss, epoch.validation_loss) for epoch in trained.history]
    logits = predict(trained.model, windows[:3], CONTRACT)
    np.savez(Path(out), *trained.model.get_weights(), losses=losses, logits=logits)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
