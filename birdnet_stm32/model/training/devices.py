"""Choose the devices of a training, and share its batches out among them.

Every device has a copy of the weights and takes its part of every batch. Their gradients are added, so all
copies change in the same way. ``keras.distribution`` has no working implementation for TensorFlow, so this is
TensorFlow's own distribution, which Keras's layers and optimizers take part in.
"""

from __future__ import annotations

import os
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from birdnet_stm32.config.run_table import Devices
from birdnet_stm32.errors import InputError

CLUSTER = "TF_CONFIG"
"""The variable of the environment that names the machines that train together, as TensorFlow defines it."""


def strategy_of(devices: Devices) -> tf.distribute.Strategy:
    """Return what runs a step on the chosen devices.

    If ``TF_CONFIG`` names several machines, each of them runs the same training on its devices.

    Raises:
        InputError: there is no GPU, and one is asked for.
    """
    if devices != "cpu" and not tf.config.list_physical_devices("GPU"):
        raise InputError(
            "TensorFlow finds no GPU",
            where=f'[run] devices = "{devices}"',
            expected="an NVIDIA GPU, its driver, and the extra gpu",
            remedy=("docs/how-to/train-faster.md says how to install it", 'devices = "cpu"'),
        )
    if several_machines():
        return _of_a_cluster(devices)
    gpus = [gpu.name for gpu in tf.config.list_logical_devices("GPU")]
    if devices == "all":
        return tf.distribute.MirroredStrategy(gpus)
    if devices == "gpu":
        return tf.distribute.OneDeviceStrategy(gpus[0])
    # Without a GPU, a network is on the processor in any case, and nothing has to be distributed.
    return tf.distribute.OneDeviceStrategy("/cpu:0") if gpus else tf.distribute.get_strategy()


def several_machines() -> bool:
    """Return whether this machine trains together with others."""
    return bool(os.environ.get(CLUSTER))


def find_machines(devices: Devices) -> None:
    """Wait for the machines that ``TF_CONFIG`` names, which TensorFlow does only before it computes anything.

    Raises:
        InputError: as :func:`strategy_of`.
    """
    if several_machines():
        strategy_of(devices)


def _of_a_cluster(devices: Devices) -> tf.distribute.Strategy:
    """Return what runs a step on several machines; it waits until all of them are there."""
    try:
        if devices == "cpu":
            tf.config.set_visible_devices([], "GPU")  # the strategy takes every GPU that it sees
        return tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        raise InputError(
            f"TensorFlow was used before the machines found each other: {error}",
            where=CLUSTER,
            remedy="doit train:VARIANT alone, on every machine",
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"does not name machines to train with: {error}",
            where=CLUSTER,
            expected="JSON as in docs/how-to/train-faster.md",
            remedy=f"unset {CLUSTER}, to train on this machine alone",
        ) from error


def share_out(values: np.ndarray, strategy: tf.distribute.Strategy) -> Any:
    """Return an array in parts along its first axis, one for each device, in their order."""
    count = strategy.num_replicas_in_sync
    if count == 1:
        return tf.constant(values)
    parts = np.array_split(values, count)
    return strategy.experimental_distribute_values_from_function(
        lambda device: tf.constant(parts[device.replica_id_in_sync_group])
    )


def check_batch_size(batch_size: int, strategy: tf.distribute.Strategy) -> None:
    """Raise an InputError if some device would get no example of a batch."""
    count = strategy.num_replicas_in_sync
    if batch_size < count:
        raise InputError(
            f"a batch has {batch_size} examples, fewer than there are devices, {count}",
            where="[train] batch_size",
            remedy=f"a batch_size of at least {count}",
        )


def part_of_all(count: tf.Tensor) -> tf.Tensor:
    """Return how large a part of the sum over all devices this device's value is, float32 scalar; 0 of 0."""
    everywhere = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, count)
    return tf.math.divide_no_nan(count, everywhere)


def plain_copy(model: keras.Model) -> keras.Model:
    """Return a network that is on no particular device: a copy, or the network itself if it already is so."""
    if isinstance(model.distribute_strategy, type(tf.distribute.get_strategy())):
        return model
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy
