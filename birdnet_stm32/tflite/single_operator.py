"""What one operator makes of each int8 value, asked of LiteRT's reference kernels.

In float arithmetic of our own a LOGISTIC is off by one in one of 50,000 entries; the reference is not.
"""

from __future__ import annotations

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from birdnet_stm32.errors import InputError
from birdnet_stm32.tflite.ir import Operator, Tensor

# The options that change what a function of one value computes.
_OPTIONS = {"LEAKY_RELU": ("LeakyReluOptions", "alpha"), "GELU": ("GeluOptions", "approximate")}


def table(operator: Operator, source: Tensor, target: Tensor) -> npt.NDArray[np.int8]:
    """Return the operator's results for -128 to 127.

    Args:
        operator: takes one int8 tensor, gives one int8 tensor, element by element.
        source: its input; only the quantization counts.
        target: its output; only the quantization counts.

    Returns:
        int8 [256].

    Raises:
        InputError: the reference kernels refuse the operator.
    """
    try:
        interpreter = Interpreter(
            model_content=_model(operator, source, target),
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        )
        interpreter.allocate_tensors()
        (entry,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
        interpreter.set_tensor(entry["index"], np.arange(-128, 128, dtype=np.int8)[np.newaxis])
        interpreter.invoke()
        values: npt.NDArray[np.int8] = interpreter.get_tensor(result["index"])[0]
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"the reference kernels refuse it: {error}", where=f"operator {operator.index} {operator.name}"
        ) from error
    return values


def _model(operator: Operator, source: Tensor, target: Tensor) -> bytes:
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, operator.name)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = 1
    step = schema.OperatorT()
    step.inputs, step.outputs = [0], [1]
    if operator.name in _OPTIONS:
        kind, option = _OPTIONS[operator.name]
        step.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        step.builtinOptions = getattr(schema, f"{kind}T")()
        setattr(step.builtinOptions, option, operator.options[option])
    graph = schema.SubGraphT()
    graph.tensors = [_tensor(source), _tensor(target)]
    graph.inputs, graph.outputs, graph.operators = [0], [1], [step]
    model = schema.ModelT()
    model.version = 3
    model.operatorCodes, model.subgraphs, model.buffers = [code], [graph], [schema.BufferT()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _tensor(tensor: Tensor) -> schema.TensorT:
    packed = schema.TensorT()
    packed.shape, packed.type, packed.buffer = [1, 256], schema.TensorType.INT8, 0
    packed.quantization = schema.QuantizationParametersT()
    if tensor.quantization is not None:
        packed.quantization.scale = list(tensor.quantization.scales)
        packed.quantization.zeroPoint = list(tensor.quantization.zero_points)
    return packed
