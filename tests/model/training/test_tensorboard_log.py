"""The log for TensorBoard: TensorFlow reads back what was written, with the type that TensorBoard plots."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow.core.util import event_pb2

from birdnet_stm32.errors import InputError
from birdnet_stm32.model.training.history import EpochReport
from birdnet_stm32.model.training.speed import Speed
from birdnet_stm32.model.training.tensorboard_log import tensorboard_log

SPEED = Speed(seconds=4.0, waited_s=1.0)


def report(epoch: int) -> EpochReport:
    return EpochReport(
        epoch=epoch, learning_rate=0.5, loss=2.0, validation_loss=3.0, validation_accuracy=0.25
    )


def test_every_epoch_is_a_point_of_every_curve(tmp_path: Path) -> None:
    log = tensorboard_log(tmp_path / "logs" / "train")
    log(report(1), SPEED)
    log(report(2), SPEED)
    [file] = (tmp_path / "logs" / "train").iterdir()
    points: dict[str, list[tuple[int, float]]] = {}
    for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
        event = event_pb2.Event.FromString(record)
        for value in event.summary.value:
            assert value.metadata.plugin_data.plugin_name in {"scalars", ""}  # told once for each curve
            points.setdefault(value.tag, []).append((event.step, float(tf.make_ndarray(value.tensor))))
    assert points["loss/training"] == [(1, 2.0), (2, 2.0)]
    assert points["speed/share_of_waiting"] == [(1, 0.25), (2, 0.25)]
    assert len(points) == 6


def test_without_a_folder_nothing_is_written() -> None:
    tensorboard_log(None)(report(1), SPEED)


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written to"):
        tensorboard_log(tmp_path / "file" / "train")
