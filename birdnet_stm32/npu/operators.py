"""Where the STM32N6's NPU runs each TFLite operator, as a table.

ST Edge AI Core 2.2 to 4.0 is the subject, int8 models (signed, per-channel weights) the input. Where its
documentation, compile reports and reports from boards disagree, the entry says CONDITIONAL and why. The
compiler itself has the last word: an operator this table does not know is UNLISTED, not refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from birdnet_stm32.npu import conditions as on
from birdnet_stm32.npu.conditions import Condition
from birdnet_stm32.tflite.ir import Graph, Operator


class Kind(StrEnum):
    """What becomes of an operator."""

    HARDWARE = "hardware"  # an epoch of the NPU, or nothing at all
    CONDITIONAL = "conditional"  # hardware by the table, but doubtful: prove it on a board
    SOFTWARE = "software"  # an epoch on the Cortex-M55, with the NPU stopped around it
    UNLISTED = "unlisted"  # in no table: ask the compiler
    REFUSED = "refused"  # the compiler is known to stop or crash


class Source(StrEnum):
    """How an entry is known."""

    LISTED = "ST's list of mapped TFLite operators"
    TABLE = "ST's mapping table"
    DOCUMENTATION = "ST's documentation"
    REPORT = "compile reports"
    KERNEL = "the runtime's software kernels"
    FIELD = "reports from the field"
    INFERRED = "inferred from the ONNX equivalent"


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """What becomes of an operator, why, and how that is known."""

    kind: Kind
    reason: str
    source: Source


@dataclass(frozen=True, kw_only=True)
class Case:
    """A mapping that applies when ``when`` holds."""

    when: Condition
    mapping: Mapping


def _case(kind: Kind, source: Source, reason: str, when: Condition = on.always) -> Case:
    return Case(when=when, mapping=Mapping(kind=kind, reason=reason, source=source))


def _hardware(source: Source, reason: str = "an NPU operator", when: Condition = on.always) -> Case:
    return _case(Kind.HARDWARE, source, reason, when)


def _doubtful(source: Source, reason: str, when: Condition = on.always) -> Case:
    return _case(Kind.CONDITIONAL, source, reason, when)


def _software(source: Source, reason: str = "a Cortex-M55 kernel", when: Condition = on.always) -> Case:
    return _case(Kind.SOFTWARE, source, reason, when)


def _refused(source: Source, reason: str, when: Condition = on.always) -> Case:
    return _case(Kind.REFUSED, source, reason, when)


def _unlisted(source: Source, reason: str, when: Condition = on.always) -> Case:
    return _case(Kind.UNLISTED, source, reason, when)


# Asked of every operator before its own row; the first case that holds decides, here and below.
GENERAL: tuple[Case, ...] = (
    _refused(Source.DOCUMENTATION, "a dimension is 65,536 or more", on.dimension_too_large),
    _refused(Source.FIELD, "more than 4 dimensions crash the compiler", on.rank_too_large),
    _refused(Source.DOCUMENTATION, "a dimension is open: fix it before the export", on.dynamic),
    _unlisted(Source.DOCUMENTATION, "computes a shape: fold it into a constant", on.computes_shapes),
    _refused(Source.DOCUMENTATION, "int8 weights on float activations", on.hybrid),
    _refused(Source.FIELD, "unsigned quantized activations inside the network", on.has_unsigned),
    _doubtful(Source.FIELD, "boolean tensors made the compiler drop all quantization", on.has_bool),
)

# Takes the place of a row's answer that claims hardware: the NPU computes no floats.
FLOAT = _software(Source.DOCUMENTATION, "float activations are computed on the Cortex-M55", on.has_float)
UNKNOWN = _unlisted(Source.TABLE, "in no mapping table: ask the compiler")

_CONVOLUTION = (
    _software(Source.INFERRED, "its weights are computed at run time", on.computed_weights),
    _doubtful(
        Source.FIELD, "a stride above 2 was seen in software; ST recommends 1, 2 and 4", on.stride_above(2)
    ),
    _doubtful(
        Source.FIELD, "kernels of over 112 positions were seen to miscompute: split it", on.taps_above(112)
    ),
)
_DECOMPOSED = _hardware(Source.DOCUMENTATION, "a large kernel, run in several passes", on.kernel_decomposed)
_POOL = (
    _software(
        Source.FIELD,
        "a window that is no product of 2s and 3s; numerically wrong where seen",
        on.window_not_factorable,
    ),
    _hardware(Source.TABLE, "a pool of at most 3 x 3, chained for larger windows"),
)
_ARITHMETIC = (
    _software(Source.INFERRED, "both inputs are broadcast, the NPU repeats one", on.broadcasts_both_ways),
)
_REDUCTION = (
    _software(Source.TABLE, "a reduction, but no global pool over rows and columns", on.reduces_elsewhere),
    _software(
        Source.FIELD,
        "a global pool whose area is no product of 2s and 3s; numerically wrong where seen",
        on.space_not_factorable,
    ),
    _hardware(Source.REPORT, "a global pool"),
)
_EXTREME = (_doubtful(Source.TABLE, "hardware as ONNX Max/Min, but not on the TFLite list"),)
_SLICE = (
    _refused(Source.FIELD, "slices the batch: not implemented", on.slice_cuts_batch),
    _refused(Source.FIELD, "slices more than 3 dimensions: not implemented", on.slice_cuts_many),
)
_PAD = (
    _software(Source.INFERRED, "its amounts are computed at run time", on.pads_computed),
    _doubtful(Source.TABLE, "negative padding is not documented", on.pads_negative),
)
_NOTHING = (
    _refused(Source.FIELD, "reshapes a one-dimensional network input", on.flat_network_input),
    _hardware(Source.TABLE, "no operation or a copy"),
)
_PATTERN = "software, unless the compiler is told to recognise the pattern"
_COMPARISON = "a comparison on the Cortex-M55"

OPERATORS: dict[str, tuple[Case, ...]] = {
    "CONV_2D": (
        _refused(Source.FIELD, "a grouped convolution on 1 x 1 positions", on.grouped_on_one_pixel),
        *_CONVOLUTION,
        _doubtful(Source.REPORT, "grouped convolutions are not documented", on.grouped),
        _DECOMPOSED,
        _hardware(Source.REPORT, "a convolution"),
    ),
    "DEPTHWISE_CONV_2D": (
        *_CONVOLUTION,
        _doubtful(
            Source.FIELD,
            "a depthwise stride of 2 stalled an NPU for ever; others run it: prove it on the board",
            on.stride_above(1),
        ),
        _DECOMPOSED,
        _hardware(Source.REPORT, "a depthwise convolution"),
    ),
    "TRANSPOSE_CONV": (_doubtful(Source.LISTED, "listed, but no compile report shows it"),),
    "FULLY_CONNECTED": (
        _refused(Source.FIELD, "its bias is computed at run time", on.computed_bias),
        _software(Source.FIELD, "its weights are computed at run time", on.computed_weights),
        _hardware(Source.REPORT, "a matrix product"),
    ),
    "BATCH_MATMUL": (
        _software(Source.TABLE, "no operand is constant", on.no_constant_operand),
        _hardware(Source.LISTED, "a matrix product with a constant operand"),
    ),
    "ADD": (
        *_ARITHMETIC,
        _doubtful(
            Source.FIELD,
            "sums of tensors with different scales were seen to miscompute: prove it on the board",
            on.scales_differ,
        ),
        _hardware(Source.REPORT, "a sum"),
    ),
    "SUB": (*_ARITHMETIC, _hardware(Source.REPORT, "a difference")),
    "MUL": (*_ARITHMETIC, _hardware(Source.REPORT, "a product")),
    "DIV": (_software(Source.TABLE, "a float division: multiply by the reciprocal instead"),),
    "MAXIMUM": _EXTREME,
    "MINIMUM": _EXTREME,
    "ABS": (
        _doubtful(
            Source.FIELD, "the NPU was seen to ignore a zero point other than 0", on.zero_point_not_zero
        ),
        _hardware(Source.LISTED),
    ),
    "CEIL": (_hardware(Source.LISTED),),
    "NEG": (_software(Source.KERNEL, "a float negation"),),
    "RELU": (_hardware(Source.TABLE, "an activation"),),
    "RELU6": (_hardware(Source.TABLE, "an activation"),),
    "RELU_N1_TO_1": (_hardware(Source.TABLE, "an activation"),),
    "LEAKY_RELU": (_hardware(Source.TABLE, "an activation"),),
    "PRELU": (
        _software(Source.TABLE, "its slope is float: quantize it", on.float_slope),
        _hardware(Source.TABLE, "an activation"),
    ),
    "LOGISTIC": (_hardware(Source.REPORT, "an activation by table"),),
    "TANH": (_hardware(Source.REPORT, "an activation by table"),),
    "HARD_SWISH": (_hardware(Source.TABLE, "an activation"),),
    "GELU": (_software(Source.TABLE, _PATTERN),),
    "SOFTMAX": (_software(Source.REPORT, "integer software, hardware with --expand-softmax"),),
    "AVERAGE_POOL_2D": _POOL,
    "MAX_POOL_2D": _POOL,
    "MEAN": _REDUCTION,
    "REDUCE_MAX": _REDUCTION,
    "SUM": (_software(Source.TABLE, "a float sum: use MEAN and a product"),),
    "REDUCE_MIN": (_software(Source.TABLE),),
    "REDUCE_PROD": (_software(Source.TABLE),),
    "PAD": (*_PAD, _hardware(Source.TABLE, "constant padding")),
    "PADV2": (
        _refused(Source.FIELD, "names no padding value: the compiler crashes", on.pad_value_missing),
        *_PAD,
        _doubtful(Source.TABLE, "padding with a value is not documented"),
    ),
    "CONCATENATION": (
        _refused(Source.FIELD, "joins tensors of different types", on.input_types_differ),
        _hardware(Source.TABLE, "a copy with requantization", on.input_parameters_differ),
        _hardware(Source.TABLE, "a copy"),
    ),
    "SPLIT": (_hardware(Source.LISTED, "a copy"),),
    "SPLIT_V": (_hardware(Source.LISTED, "a copy"),),
    "SLICE": (*_SLICE, _hardware(Source.INFERRED, "a copy")),
    "STRIDED_SLICE": (
        *_SLICE,
        _software(Source.REPORT, "its steps are not 1", on.slice_steps),
        _doubtful(Source.FIELD, "open or negative bounds broke the compiler's shapes", on.slice_open_ended),
        _hardware(Source.LISTED, "a copy"),
    ),
    "RESHAPE": _NOTHING,
    "SQUEEZE": _NOTHING,
    "EXPAND_DIMS": _NOTHING,
    "TRANSPOSE": (
        _refused(
            Source.FIELD,
            "fewer than 4 dimensions: mismatch in channel position",
            on.transposes_below_rank_4,
        ),
        _doubtful(
            Source.REPORT, "the first operator's transpose was seen in software", on.reads_network_input
        ),
        _hardware(Source.LISTED, "a copy by DMA"),
    ),
    "PACK": (_hardware(Source.LISTED, "a copy"),),
    "UNPACK": (_hardware(Source.LISTED, "a copy"),),
    "QUANTIZE": (
        _software(Source.REPORT, "float input at the network's boundary", on.has_float),
        _hardware(Source.TABLE, "a requantization"),
    ),
    "DEQUANTIZE": (_software(Source.REPORT, "float output at the network's boundary"),),
    "RESIZE_NEAREST_NEIGHBOR": (_hardware(Source.LISTED),),
    "RESIZE_BILINEAR": (_software(Source.TABLE),),
    "SPACE_TO_DEPTH": (_hardware(Source.LISTED, "a copy"),),
    "DEPTH_TO_SPACE": (_software(Source.TABLE),),
    "CAST": (_hardware(Source.LISTED, "a conversion"),),
    "EQUAL": (_hardware(Source.LISTED),),
    "LOGICAL_AND": (_hardware(Source.LISTED),),
    "LOGICAL_OR": (_hardware(Source.LISTED),),
    "LOGICAL_NOT": (_hardware(Source.LISTED),),
    "GREATER": (_software(Source.TABLE, _COMPARISON),),
    "GREATER_EQUAL": (_software(Source.TABLE, _COMPARISON),),
    "LESS": (_software(Source.TABLE, _COMPARISON),),
    "LESS_EQUAL": (_software(Source.TABLE, _COMPARISON),),
    "SHAPE": (_unlisted(Source.TABLE, "reads a shape: fold it into a constant"),),
    **{
        name: (_software(Source.KERNEL),)
        for name in "ARG_MAX ARG_MIN EXP FLOOR GATHER LOG POW ROUND RSQRT SQRT TILE".split()
    },
    **{
        name: (_refused(Source.FIELD, "the compiler's front end rejects it"),)
        for name in "CUSTOM:FlexEinsum IF NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 WHILE".split()
    },
}


def mapping(operator: Operator, graph: Graph) -> Mapping:
    """Return what becomes of ``operator``: the first case that holds, general ones first."""
    cases = (*GENERAL, *OPERATORS.get(operator.name, ()), UNKNOWN)
    found = next(case.mapping for case in cases if case.when(operator, graph))
    claims_npu = found.kind in (Kind.HARDWARE, Kind.CONDITIONAL)
    return FLOAT.mapping if claims_npu and FLOAT.when(operator, graph) else found


def answer(name: str) -> Kind | None:
    """Return the kind of all operators of a name, or None where it depends on the operator or is unknown."""
    first = OPERATORS.get(name, (None,))[0]
    return first.mapping.kind if first is not None and first.when is on.always else None
