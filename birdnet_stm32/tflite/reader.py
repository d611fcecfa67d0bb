"""Read .tflite files: the one place that opens them. No size or offset in a file is trusted.

:func:`read_graph` gives the immutable graph of :mod:`birdnet_stm32.tflite.ir`, which most of this project
works with. :func:`parse_model` gives the schema's own mutable objects, for code that edits a model.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import counted
from birdnet_stm32.tflite.flatbuffer import FILE_IDENTIFIER, enumeration_names, name_of_code, snake_case
from birdnet_stm32.tflite.ir import Data, Graph, Operator, Option, Quantization, Tensor

MAX_MODEL_BYTES = 256 * 2**20
MAX_ITEMS = 20_000  # tensors, operators, buffers; the largest published model has 400
MAX_RANK = 8
MAX_DIMENSION = 2**26
MAX_ELEMENTS = 2**28

MAX_LISTED = 20
OTHERS = ("build the model without that", "use ST Edge AI as the back end")

# Errors of flatbuffers, struct and NumPy when an offset or a length in the file is wrong.
_CORRUPT = (
    struct.error,
    IndexError,
    ValueError,
    TypeError,
    AttributeError,
    KeyError,
    OverflowError,
    MemoryError,
    RecursionError,
)


_TYPES = {value: name.lower() for value, name in enumeration_names(schema.TensorType).items()}
# By name: as soon as TensorFlow is imported, NumPy knows more types, such as int4.
_READ = frozenset(
    "bool complex64 float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64".split()
)
_HANDLES = frozenset({"resource", "variant"})
# The options whose numbers stand for names, by the name of the option in snake case.
_ENUMERATIONS = {
    "padding": enumeration_names(schema.Padding),
    "fused_activation_function": enumeration_names(schema.ActivationFunctionType),
}
_LEADS_NOWHERE = "an offset in it points beyond its end, or to data of another kind"


class _DamagedError(ValueError):
    """The file contradicts itself. The message says how."""


class _BeyondError(Exception):
    """The file is valid, but holds something that this reader does not support."""


def read_graph(model: bytes, *, where: str, whole: bool = True) -> Graph:
    """Read the main subgraph of a .tflite file.

    Args:
        model: the bytes of the file.
        where: name of the file, for errors.
        whole: refuse a file that holds more than a graph can express. If False, ``Graph.beyond`` lists what
            was left out. The caller must then refuse it, together with whatever else it refuses of the file.

    Returns:
        The graph. Constants are views of ``model``.

    Raises:
        InputError: the file is not a .tflite file, is damaged, describes something absurdly large, or holds
            more than a graph can express.
    """
    with _damage_refused(model, where):
        graph = _graph(schema.Model.GetRootAs(model, 0), model)
    if whole and graph.beyond:
        lines = "".join(f"\n    {line}" for line in listed(graph.beyond))
        raise InputError(f"holds what is not supported:{lines}", where=where, remedy=OTHERS)
    return graph


def parse_model(model: bytes, *, where: str = "the model") -> Any:
    """Read a whole .tflite file as the schema's own objects, to edit them.

    :func:`birdnet_stm32.tflite.flatbuffer.pack_model` writes the result back.

    Args:
        model: the bytes of the file.
        where: name of the file, for errors.

    Returns:
        A ``ModelT`` of ``ai_edge_litert.schema_py_generated``.

    Raises:
        InputError: the file is not a .tflite file, is damaged, or describes something absurdly large.
    """
    with _damage_refused(model, where):
        tables = schema.Model.GetRootAs(model, 0)
        _check_counts(tables)
        objects = schema.ModelT.InitFromPackedBuf(model, 0)
        _check_references(objects)
        return objects


@contextmanager
def _damage_refused(model: bytes, where: str) -> Iterator[None]:
    """Check the frame of a file and turn the failures of reading it into errors that a person understands."""
    if not 8 < len(model) <= MAX_MODEL_BYTES or model[4:8] != FILE_IDENTIFIER:
        raise InputError(
            "is not a TFLite model",
            where=where,
            expected=f"a .tflite file of at most {MAX_MODEL_BYTES // 2**20} MiB",
        )
    try:
        yield
    except _BeyondError as error:
        raise InputError(f"cannot be read here: {error}", where=where, remedy=OTHERS) from error
    except _CORRUPT as error:
        # The words of the libraries do not help the user.
        how = str(error) if isinstance(error, _DamagedError) else _LEADS_NOWHERE
        raise InputError(f"is damaged: {how}", where=where, remedy="convert the model again") from error


def listed(reasons: Sequence[str]) -> tuple[str, ...]:
    """Return the first ``MAX_LISTED`` reasons, and one more text that says how many are left out."""
    left = len(reasons) - MAX_LISTED
    return (*reasons[:MAX_LISTED], f"and {left} more") if left > 0 else tuple(reasons)


def _graph(model: Any, file: bytes) -> Graph:
    if model.SubgraphsLength() < 1:
        raise _DamagedError("it has no subgraph")
    subgraph = model.Subgraphs(0)
    tensors = tuple(
        _tensor(subgraph.Tensors(index), index, model, file)
        for index in range(_bounded(subgraph.TensorsLength(), "tensors"))
    )
    operators = tuple(
        _operator(subgraph.Operators(index), index, model)
        for index in range(_bounded(subgraph.OperatorsLength(), "operators"))
    )
    graph = Graph(
        tensors=tensors,
        operators=operators,
        inputs=_integers(subgraph.InputsAsNumpy()),
        outputs=_integers(subgraph.OutputsAsNumpy()),
        beyond=(*_other_subgraphs(model), *_odd_tensors(subgraph, model)),
    )
    _check_indices((*graph.inputs, *graph.outputs), len(tensors))
    for operator in operators:
        _check_indices(operator.inputs, len(tensors), least=-1)
        _check_indices(operator.outputs, len(tensors))
    if not graph.beyond:  # tensors with state or outside of the graph are computed elsewhere
        _check_order(graph)
    return graph


def _check_counts(model: Any) -> None:
    """Refuse a file with so many entries that reading it would take very long."""
    counts = {
        "subgraphs": model.SubgraphsLength(),
        "buffers": model.BuffersLength(),
        "operator codes": model.OperatorCodesLength(),
        "signatures": model.SignatureDefsLength(),
        "metadata entries": model.MetadataLength(),
    }
    for what, count in counts.items():
        _bounded(count, what)
    for index in range(counts["subgraphs"]):
        _bounded(model.Subgraphs(index).TensorsLength(), "tensors")
        _bounded(model.Subgraphs(index).OperatorsLength(), "operators")


def _check_references(model: Any) -> None:
    """Refuse objects that refer to a tensor, a buffer or an operator code that does not exist."""
    if not model.subgraphs:
        raise _DamagedError("it has no subgraph")
    for graph in model.subgraphs:
        count = len(graph.tensors)
        places = [(graph.inputs, 0), (graph.outputs, 0)]
        for operator in graph.operators:
            places += [(operator.inputs, -1), (operator.outputs, 0)]
        for indices, least in places:
            _check_indices(_integers(0 if indices is None else indices), count, least=least)
        if not all(0 <= tensor.buffer < len(model.buffers) for tensor in graph.tensors):
            raise _DamagedError("a buffer does not exist")
        if not all(0 <= one.opcodeIndex < len(model.operatorCodes) for one in graph.operators):
            raise _DamagedError("an operator has no code")


def _other_subgraphs(model: Any) -> list[str]:
    """Describe the other subgraphs: bodies of loops, initialisers, other signatures."""
    count = _bounded(model.SubgraphsLength(), "subgraphs")
    named = range(1, min(count, MAX_LISTED + 1))
    others = [_subgraph(model.Subgraphs(index), index, model) for index in named]
    left = [f"{count - 1 - len(others)} more"] if count - 1 > len(others) else []
    return (
        [f"{counted(count, 'subgraph')}: besides the main one {', '.join(others + left)}"] if others else []
    )


def _subgraph(subgraph: Any, index: int, model: Any) -> str:
    count = _bounded(subgraph.OperatorsLength(), "operators")
    kinds = {_operator_name(subgraph.Operators(place), place, model) for place in range(count)}
    name = _text(subgraph.Name())[:60]
    return f"{name or index!r} of {counted(count, 'operator')} ({', '.join(listed(sorted(kinds)))})"


def _odd_tensors(subgraph: Any, model: Any) -> list[str]:
    """Return one line for each property of tensors that a graph cannot express."""
    found: dict[str, list[str]] = {}
    for index in range(subgraph.TensorsLength()):
        tensor = subgraph.Tensors(index)
        name = _text(tensor.Name()).split(";")[0][:60]
        for what in _oddities(tensor, model):
            found.setdefault(what, []).append(f"{index} {name!r}")
    return [f"tensor {', '.join(listed(names))}: {what}" for what, names in found.items()]


def _oddities(tensor: Any, model: Any) -> list[str]:
    dtype = _TYPES[tensor.Type()]
    buffer = _buffer(tensor.Buffer(), model)
    quantization = tensor.Quantization()
    own_kind = quantization is not None and quantization.DetailsType() != schema.QuantizationDetails.NONE
    cases = (
        (tensor.IsVariable(), "keeps its value from one inference to the next (a variable)"),
        (dtype in _HANDLES, "the handle of a variable, which keeps its value from one inference to the next"),
        (tensor.Sparsity() is not None, "stored sparsely"),
        (buffer.DataLength() > 0 and _numpy_type(dtype) is None, f"a constant of {dtype}"),
        (buffer.Offset() > 1, "a constant after the end of the flatbuffer"),
        (own_kind, "a quantization of a custom kind"),
    )
    return [what for holds, what in cases if holds]


def _bounded(count: int, what: str) -> int:
    if count > MAX_ITEMS:
        raise _BeyondError(f"it claims {count} {what}, where at most {MAX_ITEMS} are read")
    return count


def _integers(vector: Any) -> tuple[int, ...]:
    """Return a vector of flatbuffers as integers. An absent vector is the integer 0."""
    return () if isinstance(vector, int) else tuple(int(value) for value in vector)


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode("utf-8", errors="replace")


def _tensor(tensor: Any, index: int, model: Any, file: bytes) -> Tensor:
    name = _text(tensor.Name())
    shape, signature = _integers(tensor.ShapeAsNumpy()), _integers(tensor.ShapeSignatureAsNumpy())
    _check_shape(shape, f"tensor {index} {name[:60]!r}")
    dtype = _TYPES.get(tensor.Type())
    if dtype is None:
        raise _BeyondError(f"tensor {index} {name[:60]!r} has the type {tensor.Type()}, of a newer schema")
    sparse = tensor.Sparsity() is not None
    data = None if sparse else _data(tensor.Buffer(), shape, dtype, model, file)
    opened = data is None and len(signature) == len(shape)
    return Tensor(
        index=index,
        name=name,
        shape=signature if opened else shape,
        dtype=dtype,
        quantization=_quantization(tensor.Quantization(), f"tensor {index} {name[:60]!r}"),
        data=data,
    )


def _check_shape(shape: tuple[int, ...], what: str) -> None:
    if min(shape, default=0) < 0:
        raise _BeyondError(f"{what} has the shape {list(shape)}: no size is known for a dimension")
    if len(shape) > MAX_RANK:
        raise _BeyondError(f"{what} has {len(shape)} dimensions, where at most {MAX_RANK} are read")
    if max(shape, default=0) > MAX_DIMENSION or math.prod(shape) > MAX_ELEMENTS:
        raise _BeyondError(f"{what} of shape {list(shape)} is too large")


def _numpy_type(dtype: str) -> np.dtype[Any] | None:
    """Return NumPy's type, or None for types that no operator here reads, such as int4 and string."""
    return np.dtype(dtype) if dtype in _READ else None


def _buffer(index: int, model: Any) -> Any:
    if not 0 <= index < model.BuffersLength():
        raise _DamagedError(f"buffer {index} does not exist")
    return model.Buffers(index)


def _data(buffer_index: int, shape: tuple[int, ...], dtype: str, model: Any, file: bytes) -> Data | None:
    buffer = _buffer(buffer_index, model)
    element = _numpy_type(dtype)
    if buffer.Offset() > 1 or buffer.DataLength() == 0 or element is None:
        return None
    raw = buffer.DataAsNumpy()
    if len(raw) != math.prod(shape) * element.itemsize or len(raw) > len(file):
        raise _DamagedError(f"a constant of shape {list(shape)} and type {dtype} holds {len(raw)} bytes")
    data: Data = np.frombuffer(raw, dtype=element.newbyteorder("<")).reshape(shape)
    return data


def _quantization(quantization: Any, what: str) -> Quantization | None:
    if quantization is None or quantization.ScaleLength() == 0:
        return None
    scales = tuple(float(scale) for scale in quantization.ScaleAsNumpy())
    zero_points = _integers(quantization.ZeroPointAsNumpy()) or (0,) * len(scales)
    if len(zero_points) == 1:
        zero_points *= len(scales)
    if len(zero_points) != len(scales) or not all(math.isfinite(scale) and scale > 0 for scale in scales):
        raise _BeyondError(
            f"{what} has an impossible quantization: scale {', '.join(f'{s:g}' for s in scales[:4])}, "
            f"zero point {', '.join(map(str, zero_points[:4]))}"
        )
    return Quantization(scales=scales, zero_points=zero_points, axis=quantization.QuantizedDimension())


def _operator_name(operator: Any, index: int, model: Any) -> str:
    code_index = operator.OpcodeIndex()
    if not 0 <= code_index < model.OperatorCodesLength():
        raise _DamagedError(f"operator {index} has no code")
    code = model.OperatorCodes(code_index)
    name = name_of_code(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    if name is None:
        raise _BeyondError(f"operator {index} has the code {code.BuiltinCode()}, of a newer schema")
    return f"CUSTOM:{_text(code.CustomCode())[:60]}" if name == "CUSTOM" else name


def _operator(operator: Any, index: int, model: Any) -> Operator:
    return Operator(
        index=index,
        name=_operator_name(operator, index, model),
        inputs=_integers(operator.InputsAsNumpy()),
        outputs=_integers(operator.OutputsAsNumpy()),
        options=_options(operator),
    )


def _options(operator: Any) -> dict[str, Option]:
    table = operator.BuiltinOptions()
    if table is None:
        return {}
    fields = schema.BuiltinOptionsCreator(operator.BuiltinOptionsType(), table)
    options: dict[str, Option] = {}
    for key, value in vars(fields).items() if fields is not None else ():
        name = snake_case(key)
        if name in _ENUMERATIONS:
            options[name] = _ENUMERATIONS[name].get(value, f"unknown {value}")
        elif isinstance(value, bool | int | float):
            options[name] = value
    return options


def _check_order(graph: Graph) -> None:
    """Refuse an operator that reads a tensor before it is computed, and a tensor that is computed twice."""
    known = {tensor.index for tensor in graph.tensors if tensor.data is not None or tensor.elements == 0}
    known.update(graph.inputs)
    for operator in graph.operators:
        if not known.issuperset({*operator.inputs} - {-1}):
            raise _BeyondError(
                f"operator {operator.index} ({operator.name}) reads a tensor that is not computed yet"
            )
        if not known.isdisjoint(operator.outputs) or len(set(operator.outputs)) != len(operator.outputs):
            raise _BeyondError(f"operator {operator.index} ({operator.name}) overwrites a tensor")
        known.update(operator.outputs)
    if not known.issuperset(graph.outputs):
        raise _BeyondError("no operator computes an output of the model")


def _check_indices(indices: tuple[int, ...], tensors: int, *, least: int = 0) -> None:
    """Refuse an index outside of ``least`` to ``tensors - 1``; -1 stands for an optional input left out."""
    for index in indices:
        if not least <= index < tensors:
            raise _DamagedError(f"tensor {index} does not exist")
