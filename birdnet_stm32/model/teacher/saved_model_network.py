"""A teacher in the folder of a SavedModel. Its operations are looked at before TensorFlow loads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.model.teacher.network import Floats, NetworkOutputs
from birdnet_stm32.model.teacher.network_shapes import chosen_output, one_input, window_shape
from birdnet_stm32.model.teacher.saved_model_ops import refuse_other_operations
from birdnet_stm32.terminal_text import first_names, printable

DESCRIPTION = "saved_model.pb"
_SIGNATURE = "serving_default"
_DAMAGED = ("fetch or copy the whole folder again", "name another model in [teacher] model")
_FAILURES = (ValueError, KeyError, TypeError, IndexError, AttributeError, OSError, tf.errors.OpError)


class SavedModelNetwork:
    """A SavedModel of TensorFlow 2.

    Args:
        path: its folder.
        classes: number of names in the label file.
        embedding: name of the output that is the embedding; None for no embedding.

    Raises:
        InputError: it is damaged, could do more than compute, is fed something other than one float32 array,
            has no output of as many values as there are names, or lacks the embedding.
    """

    in_threads = False

    def __init__(self, path: Path, classes: int, embedding: str | None) -> None:
        _check_description(path)
        try:
            self._loaded = tf.saved_model.load(str(path))  # kept: its functions do not keep the variables
            signatures = self._loaded.signatures
        except _FAILURES as error:
            raise InputError(
                f"TensorFlow cannot load it: {printable(str(error).splitlines()[0], longest=300)}",
                where=path,
                expected="the whole folder of a SavedModel",
                remedy=_DAMAGED,
            ) from error
        self._run = _signature(signatures, path)
        fed = self._run.structured_input_signature[1]
        self._input = list(fed)[one_input(list(fed), path)]
        spec = fed[self._input]
        if spec.dtype != tf.float32:
            raise InputError(f"its input is {spec.dtype.name}", where=path, expected="float32")
        shape = tuple(spec.shape) if spec.shape.rank is not None else ()
        self.input_shape = window_shape(shape, path)
        outputs = [
            (name, tuple(one.shape) if one.shape.rank is not None else (None, None))
            for name, one in self._run.structured_outputs.items()
        ]
        self._values = outputs[chosen_output(outputs, classes, path)][0]
        names = [name for name, _ in outputs]
        if embedding is not None and embedding not in names:
            raise InputError(
                f"has no output {embedding!r}, which [teacher] embedding names",
                where=path,
                expected=f"one of its outputs: {first_names(names)}",
            )
        self._vector, self._path = embedding, path
        self._whole_shape = (
            (-1, *self.input_shape) if len(shape) > len(self.input_shape) else self.input_shape
        )
        self._open_batch = len(shape) > len(self.input_shape) and shape[0] is None
        self.class_count = classes
        heard = self.run(np.zeros((1, *self.input_shape), np.float32))
        self.embedding_size = 0 if heard.embeddings is None else heard.embeddings.shape[1]

    def run(self, inputs: Floats) -> NetworkOutputs:
        """Compute several windows: together if the model allows it, else one after the other."""
        batches = [inputs] if self._open_batch else list(inputs)
        found = [self._compute(batch.reshape(self._whole_shape)) for batch in batches]
        values = np.concatenate([one[self._values].numpy().reshape(-1, self.class_count) for one in found])
        if self._vector is None:
            return NetworkOutputs(values=values, embeddings=None)
        vectors = np.concatenate([one[self._vector].numpy() for one in found]).reshape(len(inputs), -1)
        return NetworkOutputs(values=values, embeddings=vectors)

    def _compute(self, batch: Floats) -> Any:
        try:
            return self._run(**{self._input: tf.constant(batch)})
        except _FAILURES as error:
            raise InputError(
                f"TensorFlow cannot run it: {printable(str(error).splitlines()[0], longest=300)}",
                where=self._path,
            ) from error


def _check_description(path: Path) -> None:
    """Look at what a SavedModel would do, before anything is loaded. Raises: InputError."""
    description = path / DESCRIPTION
    if not description.is_file():
        raise InputError(
            f"is a folder without {DESCRIPTION}",
            where=path,
            expected="a .tflite, .keras or .onnx file, or the folder of a SavedModel",
        )
    model = saved_model_pb2.SavedModel()
    try:
        model.ParseFromString(read_bytes(description))
    except DecodeError as error:
        raise InputError(
            "is damaged or cut", where=description, expected="a SavedModel of TensorFlow 2", remedy=_DAMAGED
        ) from error
    graphs = list(model.meta_graphs)
    # TensorFlow runs the operations of any other model while it loads it.
    if len(graphs) != 1 or not graphs[0].HasField("object_graph_def"):
        raise InputError(
            "is not a SavedModel of TensorFlow 2",
            where=path,
            expected="one that tf.saved_model.save or Keras's export wrote",
            remedy="convert it to .tflite or .onnx, and name that file",
        )
    refuse_other_operations(graphs[0], path)


def _signature(signatures: Any, path: Path) -> Any:
    names = list(signatures)
    if _SIGNATURE in names:
        return signatures[_SIGNATURE]
    if len(names) == 1:
        return signatures[names[0]]
    raise InputError(
        f"has the signatures {first_names(names)}" if names else "has no signature",
        where=path,
        expected=f"the signature {_SIGNATURE}",
        remedy="export it with one signature: the samples of a window in, a score for every class out",
    )
