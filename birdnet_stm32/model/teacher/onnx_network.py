"""A teacher in an ``.onnx`` file, computed by ONNX Runtime, which the extra ``onnx`` installs."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from birdnet_stm32.errors import InputError, ToolError
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.model.teacher.network import Floats, NetworkOutputs
from birdnet_stm32.model.teacher.network_shapes import chosen_output, one_input, window_shape
from birdnet_stm32.terminal_text import printable

# Operators that change no value's meaning between the last dense layer and the output.
_AFTER_THE_LAST_LAYER = frozenset(
    {"Sigmoid", "Softmax", "Reshape", "Squeeze", "Flatten", "Identity", "Cast", "Add"}
)
_LAST_LAYERS = frozenset({"Gemm", "MatMul", "Conv"})
_DAMAGED = ("fetch or copy it again", "name another file in [teacher] model")


class OnnxNetwork:
    """An ONNX model.

    Args:
        path: the file.
        classes: number of names in the label file.
        embedding: name of the value that is the embedding; None for the input of the last dense layer.

    Raises:
        InputError: the file is damaged, needs other files, is fed something other than one float32 array, has
            no output of as many values as there are names, or lacks the embedding.
        ToolError: ONNX Runtime is not installed.
    """

    in_threads = False

    def __init__(self, path: Path, classes: int, embedding: str | None) -> None:
        onnx, runtime = _library("onnx"), _library("onnxruntime")
        model = _parsed(onnx, path)
        graph = model.graph
        constants = {tensor.name for tensor in graph.initializer}
        fed = [one for one in graph.input if one.name not in constants]
        one = fed[one_input([value.name for value in fed], path)]
        self._input = one.name
        _check_float(onnx, one, path)
        shape = _shape_of(one)
        self.input_shape = window_shape(shape, path)
        outputs = [(value.name, _shape_of(value)) for value in graph.output]
        self._values = outputs[chosen_output(outputs, classes, path)][0]
        self._vector = _embedding(model, self._values, embedding, constants, path)
        if self._vector is not None and self._vector not in [value.name for value in graph.output]:
            graph.output.append(
                onnx.helper.make_tensor_value_info(self._vector, onnx.TensorProto.FLOAT, None)
            )
        try:
            options = runtime.SessionOptions()
            options.log_severity_level = 3  # errors only, which also come as exceptions
            self._session = runtime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors have no common class
            raise InputError(
                f"ONNX Runtime cannot load it: {printable(error, longest=300)}",
                where=path,
                expected="a model whose operators ONNX Runtime has",
                remedy=_DAMAGED,
            ) from error
        self._path = path
        self._open_batch = bool(shape) and shape[0] is None and len(shape) > len(self.input_shape)
        self._whole_shape = (1, *self.input_shape) if len(shape) > len(self.input_shape) else self.input_shape
        self.class_count = classes
        self.embedding_size = 0
        heard = self.run(np.zeros((1, *self.input_shape), np.float32))
        self.embedding_size = 0 if heard.embeddings is None else heard.embeddings.shape[1]

    def run(self, inputs: Floats) -> NetworkOutputs:
        """Compute several windows: together if the model allows it, else one after the other."""
        batches = [inputs] if self._open_batch else [one.reshape(self._whole_shape) for one in inputs]
        found = [self._run(batch) for batch in batches]
        values = np.concatenate([one[0].reshape(-1, self.class_count) for one in found])
        if self._vector is None:
            return NetworkOutputs(values=values.astype(np.float32), embeddings=None)
        vectors = np.concatenate([one[1] for one in found]).reshape(len(inputs), -1)
        return NetworkOutputs(values=values.astype(np.float32), embeddings=vectors.astype(np.float32))

    def _run(self, batch: Floats) -> list[Any]:
        names = [self._values] if self._vector is None else [self._values, self._vector]
        try:
            found: list[Any] = self._session.run(names, {self._input: batch})
        except Exception as error:  # its errors have no common class
            raise InputError(
                f"ONNX Runtime cannot run it: {printable(error, longest=300)}", where=self._path
            ) from error
        return found


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ToolError(
            f"the library {name} is not installed, which reads teachers in .onnx files",
            expected="the extra onnx of this project",
            remedy="pip install 'birdnet-stm32[onnx]'",
        ) from error


def _parsed(onnx: Any, path: Path) -> Any:
    """Read an ONNX file. Its weights must lie in it: other files are never opened."""
    content = read_bytes(path)
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # of protobuf, which differ by its implementation
        raise InputError(
            f"is not a whole ONNX model: {printable(error, longest=200)}",
            where=path,
            expected="an .onnx file with its weights in it",
            remedy=_DAMAGED,
        ) from error
    if not model.graph.node:
        raise InputError("holds no network", where=path, expected="an .onnx file", remedy=_DAMAGED)
    outside = next((one.name for one in _tensors(model.graph) if len(one.external_data)), None)
    if outside is not None:
        raise InputError(
            f"keeps the weights {printable(outside, longest=80)} in another file",
            where=path,
            expected="an .onnx file with its weights in it",
            remedy="onnx.save(onnx.load('model.onnx'), 'whole.onnx')",
        )
    return model


def _tensors(graph: Any) -> Iterator[Any]:
    """Yield all constants of a graph and of the graphs in its nodes."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner)


def _shape_of(value: Any) -> tuple[int | None, ...]:
    sizes = value.type.tensor_type.shape.dim
    return tuple(size.dim_value if size.HasField("dim_value") else None for size in sizes)


def _check_float(onnx: Any, value: Any, path: Path) -> None:
    kind = value.type.tensor_type.elem_type
    if kind != onnx.TensorProto.FLOAT:
        found = onnx.TensorProto.DataType.Name(kind).lower()
        raise InputError(f"its input {value.name} is {found}", where=path, expected="float32")


def _embedding(model: Any, values: str, name: str | None, constants: set[str], path: Path) -> str | None:
    """Return the name of the value that is the embedding; None if there is none."""
    makers = {made: node for node in model.graph.node for made in node.output}
    if name is not None:
        if name not in makers:
            raise InputError(
                f"computes no {name!r}, which [teacher] embedding names",
                where=path,
                expected="the name of a value of this model",
            )
        return name
    found = values
    for _ in model.graph.node:
        node = makers.get(found)
        if node is None or node.op_type not in _AFTER_THE_LAST_LAYER | _LAST_LAYERS:
            return None
        computed = [one for one in node.input if one and one in makers and makers[one].op_type != "Constant"]
        if node.op_type in _LAST_LAYERS:
            return computed[0] if computed and computed[0] not in constants else None
        if not computed:
            return None
        found = computed[0]
    return None
