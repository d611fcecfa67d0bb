"""Write the course of a training for TensorBoard, without TensorBoard.

TensorFlow writes the files by itself. TensorBoard is only needed to look at them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from birdnet_stm32.errors import InputError
from birdnet_stm32.model.training.history import EpochReport
from birdnet_stm32.model.training.speed import Speed

Log = Callable[[EpochReport, Speed], None]


def tensorboard_log(folder: Path | None) -> Log:
    """Return a function that appends the measures of an epoch to a log in ``folder``; None writes nothing.

    Raises:
        InputError: the folder cannot be written to.
    """
    if folder is None:
        return lambda report, speed: None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writer = tf.summary.create_file_writer(str(folder))
    except (OSError, tf.errors.OpError) as error:
        raise InputError(f"cannot be written to: {error}", where=folder, remedy="another folder") from error

    def log(report: EpochReport, speed: Speed) -> None:
        measures = {
            "loss/training": report.loss,
            "loss/validation": report.validation_loss,
            "validation/accuracy": report.validation_accuracy,
            "validation/cmap": report.validation_cmap,
            "learning_rate": report.learning_rate,
            "speed/seconds": speed.seconds,
            "speed/share_of_waiting": speed.waiting,
        }
        with writer.as_default(step=report.epoch):
            for name, value in measures.items():
                if value is None:  # not every set of validation windows can be ranked
                    continue
                tf.summary.write(name, tf.constant(value, tf.float32), metadata=_scalar())
        writer.flush()

    return log


def _scalar() -> tf.compat.v1.SummaryMetadata:
    """Return what tells TensorBoard that a value is a number to plot against the epochs."""
    kind = tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
    return tf.compat.v1.SummaryMetadata(plugin_data=kind, data_class="DATA_CLASS_SCALAR")
