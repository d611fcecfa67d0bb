"""The results of operators for each int8 value, computed by LiteRT's reference kernels.

A LOGISTIC in our own float arithmetic would differ by one step in one of 50,000 entries.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from birdnet_stm32.errors import InputError
from birdnet_stm32.tflite.ir import Graph, Operator, Tensor
from birdnet_stm32.tflite.writer import write_graph

INT8_VALUES = np.arange(-128, 128, dtype=np.int8)


def lookup_table(operator: Operator, source: Tensor, target: Tensor) -> npt.NDArray[np.int8]:
    """Return the operator's results for -128 to 127.

    Args:
        operator: maps one int8 tensor to another, element by element.
        source: the input, of which only the quantization counts.
        target: the output, of which only the quantization counts.

    Returns:
        int8 [256].

    Raises:
        InputError: the reference kernels refuse the operator.
    """
    tensors = tuple(
        replace(tensor, index=index, shape=(1, len(INT8_VALUES)))
        for index, tensor in enumerate((source, target))
    )
    step = replace(operator, inputs=(0,), outputs=(1,))
    graph = Graph(tensors=tensors, operators=(step,), inputs=(0,), outputs=(1,))
    return evaluate_graph(graph, INT8_VALUES).reshape(-1)


def evaluate_graph(graph: Graph, values: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Run a graph with one input and one output of int8 on the reference kernels.

    Args:
        graph: all shapes are known.
        values: int8, as many as the input has elements.

    Raises:
        InputError: the reference kernels refuse it.
    """
    try:
        interpreter = Interpreter(
            model_content=write_graph(graph), experimental_op_resolver_type=OpResolverType.BUILTIN_REF
        )
        interpreter.allocate_tensors()
        (entry,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
        interpreter.set_tensor(entry["index"], values.reshape(entry["shape"]))
        interpreter.invoke()
        found: npt.NDArray[np.int8] = interpreter.get_tensor(result["index"])
    except (ValueError, RuntimeError) as error:
        names = " ".join(f"{operator.index} {operator.name}" for operator in graph.operators)
        raise InputError(f"the reference kernels refuse it: {error}", where=f"operator {names}") from error
    return found
