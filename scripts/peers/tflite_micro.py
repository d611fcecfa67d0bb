"""The parts of tflite-micro that a model needs: operators, sources of their kernels, interpreter."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from birdnet_stm32.errors import InputError
from birdnet_stm32.tflite.ir import Graph

_LITE = "tensorflow/lite"
_RESOLVER = f"{_LITE}/micro/micro_mutable_op_resolver.h"
_KERNELS = f"{_LITE}/micro/kernels"
_METHOD = re.compile(r"TfLiteStatus (?P<method>Add\w+)\([^{]*\{[^}]*?BuiltinOperator_(?P<operator>\w+)")
_REGISTRATION = re.compile(r"^TFLMRegistration Register_(\w+)\(\) \{", re.MULTILINE)
# What the interpreter is made of, by folder; tests and other machines' files lie beside it.
_CORE = {
    f"{_LITE}/micro": "flatbuffer_utils memory_helpers micro_allocation_info micro_allocator micro_context "
    "micro_interpreter micro_interpreter_context micro_interpreter_graph micro_log micro_op_resolver "
    "micro_resource_variable micro_utils",
    f"{_LITE}/micro/arena_allocator": "non_persistent_arena_buffer_allocator "
    "persistent_arena_buffer_allocator single_arena_buffer_allocator",
    f"{_LITE}/micro/memory_planner": "greedy_memory_planner linear_memory_planner "
    "non_persistent_buffer_planner_shim",
    f"{_LITE}/micro/tflite_bridge": "flatbuffer_conversions_bridge micro_error_reporter",
    f"{_LITE}/core/api": "flatbuffer_conversions tensor_utils",
    f"{_LITE}/core/c": "common",
    f"{_LITE}/kernels": "kernel_util",
    f"{_LITE}/kernels/internal": "common portable_tensor_utils quantization_util runtime_shape tensor_ctypes "
    "tensor_utils",
    f"{_LITE}/kernels/internal/reference": "portable_tensor_utils",
    "tensorflow/compiler/mlir/lite/core/api": "error_reporter",
    "tensorflow/compiler/mlir/lite/schema": "schema_utils",
    _KERNELS: "kernel_util",
}


@dataclass(frozen=True, kw_only=True)
class Needed:
    """What to compile.

    Args:
        sources: C++ files.
        methods: methods of the operator resolver, such as ``AddConv2D``.
    """

    sources: tuple[Path, ...]
    methods: tuple[str, ...]


def needed(graph: Graph, root: Path) -> Needed:
    """Return the parts that run ``graph``.

    Args:
        graph: the model as it is in the file.
        root: folder of tflite-micro's sources.

    Raises:
        InputError: tflite-micro does not know an operator, or the folder does not hold its sources.
    """
    methods = {found["operator"]: found["method"] for found in _METHOD.finditer(_text(root / _RESOLVER))}
    operators = sorted({operator.name for operator in graph.operators})
    if unknown := [name for name in operators if name not in methods]:
        raise InputError(f"it has no operator {', '.join(unknown)}")
    kernels = _registrations(root)
    own = {path for name in operators for path in _with_common(kernels[name])}
    core = [root / folder / f"{name}.cc" for folder, names in _CORE.items() for name in names.split()]
    return Needed(
        # Which files there are differs a little from version to version; what is missing the linker says.
        sources=tuple(path for path in (*core, *sorted(own)) if path.is_file()),
        methods=tuple(methods[name] for name in operators),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{path.name} cannot be read: {error.strerror}",
            where=path,
            expected="the sources of tflite-micro",
            remedy="name the folder that holds tensorflow/lite/micro",
        ) from error


def _registrations(root: Path) -> dict[str, Path]:
    """Return the file that registers each operator; the one for CMSIS-NN if there are two."""
    folder = root / _KERNELS
    paths = (*sorted(folder.glob("*.cc")), *sorted(folder.glob("cmsis_nn/*.cc")))
    return {name: path for path in paths for name in _REGISTRATION.findall(_text(path))}


def _with_common(kernel: Path) -> tuple[Path, ...]:
    """Return a kernel's file and the file that its variants share, in the folder of plain kernels."""
    folder = kernel.parent.parent if kernel.parent.name == "cmsis_nn" else kernel.parent
    return kernel, folder / f"{kernel.stem}_common.cc"
