"""The operations that a SavedModel may hold: they compute numbers from numbers, and nothing else.

A SavedModel is a program. It may write files, open connections or call Python. So every function that loading
it can run is looked at first, and a model with any other operation than these is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import first_names, printable

ALLOWED = frozenset(
    (
        # Values, shapes and order.
        "Arg BroadcastArgs BroadcastTo Cast CheckNumerics Concat ConcatV2 Const DynamicPartition "
        "DynamicStitch EnsureShape ExpandDims Fill Gather GatherNd GatherV2 Identity IdentityN "
        "InvertPermutation LinSpace MatrixBandPart MatrixDiag MirrorPad NoOp OneHot OnesLike Pack Pad "
        "PadV2 ParallelDynamicStitch Placeholder PlaceholderWithDefault PreventGradient Range Rank "
        "Reshape ResourceGather ReverseSequence ReverseV2 Roll Select SelectV2 Shape ShapeN Size Slice "
        "Snapshot Split SplitV Squeeze StopGradient StridedSlice Tile Transpose Unpack Where ZerosLike "
        "_Arg _Retval "
        # Arithmetic.
        "Abs Acos Add AddN AddV2 All Angle Any ApproximateEqual ArgMax ArgMin Asin Atan Atan2 BatchMatMul "
        "BatchMatMulV2 BatchMatMulV3 BiasAdd BiasAddV1 Bincount Bucketize Ceil ClipByValue Complex "
        "ComplexAbs Conj Cos Cosh Cumprod Cumsum CumulativeLogsumexp Diag Div DivNoNan Einsum Elu Equal "
        "Erf Erfc Exp Expm1 Floor FloorDiv FloorMod Greater GreaterEqual Imag InTopKV2 Inv IsFinite IsInf "
        "IsNan L2Loss LeakyRelu Less LessEqual Lgamma Log Log1p LogSoftmax LogicalAnd LogicalNot "
        "LogicalOr MatMul Max Maximum Mean Min Minimum Mod Mul MulNoNan Neg NextAfter NotEqual Polar Pow "
        "Prod Real RealDiv Reciprocal Relu Relu6 Rint Round Rsqrt SegmentMax SegmentMean SegmentSum Selu "
        "Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt Square SquaredDifference Sub Sum Tan Tanh "
        "TopKV2 TruncateDiv UnsortedSegmentMax UnsortedSegmentSum Xdivy Xlogy "
        # Networks, spectrograms and images.
        "AvgPool AvgPool3D BatchToSpaceND Conv2D Conv2DBackpropInput Conv3D DepthToSpace "
        "DepthwiseConv2dNative Dilation2D FFT FFT2D FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 IFFT "
        "IFFT2D IRFFT IRFFT2D LRN MaxPool MaxPool3D MaxPoolV2 RFFT RFFT2D ResizeBilinear "
        "ResizeNearestNeighbor SpaceToBatchND SpaceToDepth _FusedConv2D _FusedMatMul "
        # Quantized values.
        "FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel "
        "QuantizeAndDequantizeV2 QuantizeAndDequantizeV3 QuantizeAndDequantizeV4 "
        # Weights, which are variables, and calls of functions that are looked at too.
        "Assert AssignAddVariableOp AssignVariableOp Case EmptyTensorList If PartitionedCall "
        "ReadVariableOp StatefulPartitionedCall StatelessCase StatelessIf StatelessWhile "
        "TensorArrayCloseV3 TensorArrayGatherV3 TensorArrayReadV3 TensorArrayScatterV3 TensorArraySizeV3 "
        "TensorArrayV3 TensorArrayWriteV3 TensorListConcatV2 TensorListElementShape TensorListFromTensor "
        "TensorListGetItem TensorListLength TensorListPopBack TensorListPushBack TensorListReserve "
        "TensorListSetItem TensorListStack VarHandleOp VarIsInitializedOp While "
        # Random numbers, as in a layer that is off outside of training.
        "RandomStandardNormal RandomUniform StatelessRandomGetAlg StatelessRandomGetKeyCounter "
        "StatelessRandomNormalV2 StatelessRandomUniformV2 "
    ).split()
)

_MOST_NAMED = 5


def refuse_other_operations(meta_graph: Any, path: Path) -> None:
    """Refuse a SavedModel that could do something other than compute.

    Every function that its objects refer to is looked at, and those that these call. The functions that only
    its saver uses, which read and write the files of its weights, are never called by TensorFlow 2.

    Args:
        meta_graph: the ``MetaGraphDef`` of the model.
        path: name of the model in errors.

    Raises:
        InputError: names the operations.
    """
    library = {one.signature.name: one for one in meta_graph.graph_def.library.function}
    found: set[str] = set()
    for name in _reachable(meta_graph.object_graph_def.concrete_functions, library):
        found.update(node.op for node in library[name].node_def)
    foreign = sorted(found - ALLOWED - library.keys())
    if foreign:
        shown = [printable(name, longest=60) for name in foreign]
        raise InputError(
            f"uses {first_names(shown, most=_MOST_NAMED)}, which may do more than compute; it was not run",
            where=path,
            expected="operations that compute numbers from numbers",
            remedy=(
                "export only the network, without look-up tables, files and Python functions",
                "convert it to .tflite or .onnx, and name that file",
            ),
        )


def _reachable(names: Iterable[str], library: dict[str, Any]) -> Iterator[str]:
    """Yield the functions of the library that can be called, beginning with ``names``."""
    waiting, seen = list(names), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in library:
            continue
        seen.add(name)
        yield name
        for node in library[name].node_def:
            waiting.append(node.op)  # a function may be called like an operation
            for value in node.attr.values():
                waiting += [one.name for one in (value.func, *value.list.func) if one.name]
