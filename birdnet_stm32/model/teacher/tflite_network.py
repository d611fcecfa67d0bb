"""A teacher in a ``.tflite`` file, computed by LiteRT's fast kernels. LiteRT checks the file first."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.model.teacher.network import Floats, NetworkOutputs
from birdnet_stm32.model.teacher.network_shapes import chosen_output, one_input, window_shape
from birdnet_stm32.tflite.flatbuffer import operator_name, pack_model
from birdnet_stm32.tflite.reader import parse_model

_DAMAGED = ("fetch or copy it again", "name another file in [teacher] model")
# Operators that change no value's meaning between the last dense layer and the output.
_AFTER_THE_LAST_LAYER = frozenset(
    {"LOGISTIC", "SOFTMAX", "RESHAPE", "SQUEEZE", "DEQUANTIZE", "QUANTIZE", "CAST", "IDENTITY"}
)
_LAST_LAYERS = frozenset({"FULLY_CONNECTED", "CONV_2D", "BATCH_MATMUL"})


class TfliteNetwork:
    """A ``.tflite`` model. Each thread has an interpreter of its own, with one core.

    Args:
        path: the file.
        classes: number of names in the label file.
        embedding: name of the tensor that is the embedding; None for the input of the last dense layer.

    Raises:
        InputError: the file is damaged or cut, has an operator that LiteRT lacks, is fed something other than
            one float32 array, has no output of as many values as there are names, or lacks the embedding.
    """

    in_threads = True

    def __init__(self, path: Path, classes: int, embedding: str | None) -> None:
        content = read_bytes(path)
        if content[4:8] != b"TFL3":
            raise InputError("is not a .tflite model", where=path, expected="a TFLite file", remedy=_DAMAGED)
        self._content, self._path = content, path
        self._local = threading.local()
        described = self._interpreter()
        inputs = described.get_input_details()
        one = one_input([detail["name"] for detail in inputs], path)
        _check_float(inputs[one], "input", path)
        self.input_shape = window_shape(inputs[one]["shape_signature"], path)
        outputs = described.get_output_details()
        shapes = [(detail["name"], tuple(detail["shape"])) for detail in outputs]
        place = chosen_output(shapes, classes, path)
        _check_float(outputs[place], "output", path)
        self.class_count = classes
        self._values = outputs[place]["index"]
        self._embedding = self._find_embedding(described, embedding)
        if self._embedding is not None:
            self._content = _with_output(content, self._values, self._embedding)
        self._local = threading.local()
        details = self._interpreter().get_output_details()
        vector = next((one for one in details if one["index"] == self._embedding), None)
        self.embedding_size = 0 if vector is None else int(np.prod(vector["shape"][1:]))
        # Of an embedding of integers: the step, and the integer that stands for zero.
        scale, zero = (0.0, 0) if vector is None else vector["quantization"]
        self._step, self._zero = (scale, zero) if scale else (1.0, 0)

    def run(self, inputs: Floats) -> NetworkOutputs:
        """Compute several windows, one after the other."""
        interpreter = self._interpreter()
        place = interpreter.get_input_details()[0]["index"]
        values = np.empty((len(inputs), self.class_count), np.float32)
        embeddings = np.empty((len(inputs), self.embedding_size), np.float32)
        for number, window in enumerate(inputs):
            interpreter.set_tensor(place, window.reshape(interpreter.get_input_details()[0]["shape"]))
            try:
                interpreter.invoke()
            except (ValueError, RuntimeError) as error:
                raise InputError(f"LiteRT cannot run the model: {error}", where=self._path) from error
            values[number] = interpreter.get_tensor(self._values).reshape(-1)
            if self._embedding is not None:
                vector = interpreter.get_tensor(self._embedding).reshape(-1).astype(np.float32)
                embeddings[number] = self._step * (vector - self._zero)
        return NetworkOutputs(values=values, embeddings=embeddings if self.embedding_size else None)

    def _interpreter(self) -> Any:
        """Return the interpreter of this thread."""
        found = getattr(self._local, "interpreter", None)
        if found is None:
            try:
                found = Interpreter(model_content=self._content, num_threads=1)
                _fix_batch(found)
                found.allocate_tensors()
            except (ValueError, RuntimeError) as error:
                raise InputError(
                    f"LiteRT cannot load the model: {error}",
                    where=self._path,
                    expected="a whole .tflite file whose operators LiteRT has",
                    remedy=_DAMAGED,
                ) from error
            self._local.interpreter = found
        return found

    def _find_embedding(self, interpreter: Any, name: str | None) -> int | None:
        tensors = interpreter.get_tensor_details()
        if name is not None:
            found = next((one["index"] for one in tensors if name in _names_of(one["name"])), None)
            if found is None:
                raise InputError(
                    f"has no tensor {name!r}, which [teacher] embedding names",
                    where=self._path,
                    expected="the name of a tensor of this model",
                )
            return int(found)
        found = _before_the_last_layer(parse_model(self._content, where=str(self._path)), self._values)
        return None if found is None else int(found)


def _names_of(name: str) -> tuple[str, ...]:
    """Return the names of a tensor: the whole one, and those that the converter joined with semicolons."""
    return (name, *name.split(";"))


def _fix_batch(interpreter: Any) -> None:
    """Give an open first dimension the size 1."""
    for detail in interpreter.get_input_details():
        signature = list(detail["shape_signature"])
        if signature and signature[0] == -1:
            interpreter.resize_tensor_input(detail["index"], [1, *detail["shape"][1:]])


def _check_float(detail: dict[str, Any], what: str, path: Path) -> None:
    if detail["dtype"] != np.float32:
        raise InputError(
            f"its {what} {detail['name']} is {np.dtype(detail['dtype']).name}",
            where=path,
            expected="float32",
        )


def _before_the_last_layer(model: Any, output: int) -> int | None:
    """Return the tensor that the last dense layer reads; None if the network does not end in such a layer."""
    operators = model.subgraphs[0].operators
    maker = {int(index): operator for operator in operators for index in operator.outputs}
    tensor = output
    for _ in operators:
        operator = maker.get(tensor)
        if operator is None:
            return None
        name = operator_name(model, operator)
        if name in _LAST_LAYERS:
            return int(operator.inputs[0])
        if name not in _AFTER_THE_LAST_LAYER:
            return None
        tensor = int(operator.inputs[0])
    return None


def _with_output(content: bytes, values: int, embedding: int) -> bytes:
    """Return the model with the embedding as an output, beside the values of the classes."""
    model = parse_model(content)
    model.subgraphs[0].outputs = list(dict.fromkeys((values, embedding)))
    model.signatureDefs = None  # their lists of outputs would be wrong now
    return pack_model(model)
