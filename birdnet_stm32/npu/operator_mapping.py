"""A table of where the STM32N6's NPU runs each TFLite operator.

It is about ST Edge AI Core 2.2 to 4.0 and int8 models (signed, per-channel weights). If the documentation,
compile reports and reports from boards differ, the entry is CONDITIONAL and says why. The compiler decides:
an operator that is not in the table is UNLISTED, not refused. docs/explanation/npu_evidence.md counts how
often the table was right.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from birdnet_stm32.npu.conditions import convolution, elementwise, movement, pooling, shapes, weights
from birdnet_stm32.npu.conditions.condition import Condition, always
from birdnet_stm32.npu.evidence import (
    ENLARGING,
    INFERRED,
    KERNEL,
    LISTED,
    REPORTS,
    TABLE,
    Evidence,
    EvidenceSource,
    zoo,
)
from birdnet_stm32.tflite.node import Node
from birdnet_stm32.tflite.operator_sets import RESHAPES


class MappingKind(StrEnum):
    """What the compiler makes of an operator."""

    HARDWARE = "hardware"  # an epoch of the NPU, or no operation
    CONDITIONAL = "conditional"  # hardware by the table, but uncertain: check it on a board
    SOFTWARE = "software"  # an epoch on the Cortex-M55; the NPU stops around it
    UNLISTED = "unlisted"  # not in a table: ask the compiler
    REFUSED = "refused"  # the compiler is known to stop or crash


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """What the compiler makes of an operator, why, and the evidence."""

    kind: MappingKind
    reason: str
    evidence: tuple[Evidence, ...]

    @property
    def source(self) -> EvidenceSource:
        """The kind of the first piece of evidence."""
        return self.evidence[0].source


@dataclass(frozen=True, kw_only=True)
class MappingCase:
    """A mapping that applies if ``when`` holds."""

    when: Condition
    mapping: Mapping


def _case(kind: MappingKind, reason: str, when: Condition, evidence: tuple[Evidence, ...]) -> MappingCase:
    return MappingCase(
        when=when, mapping=Mapping(kind=kind, reason=reason, evidence=evidence or when.evidence)
    )


def _hardware(*evidence: Evidence, reason: str = "an NPU operator", when: Condition = always) -> MappingCase:
    return _case(MappingKind.HARDWARE, reason, when, evidence)


def _doubtful(*evidence: Evidence, reason: str, when: Condition = always) -> MappingCase:
    return _case(MappingKind.CONDITIONAL, reason, when, evidence)


def _software(
    *evidence: Evidence, reason: str = "a Cortex-M55 kernel", when: Condition = always
) -> MappingCase:
    return _case(MappingKind.SOFTWARE, reason, when, evidence)


def _refused(*evidence: Evidence, reason: str, when: Condition = always) -> MappingCase:
    return _case(MappingKind.REFUSED, reason, when, evidence)


def _unlisted(*evidence: Evidence, reason: str, when: Condition = always) -> MappingCase:
    return _case(MappingKind.UNLISTED, reason, when, evidence)


# These cases come before the row of the operator. The first case that holds decides, here and below.
GENERAL: tuple[MappingCase, ...] = (
    _refused(reason="a dimension is 65,536 or more", when=shapes.dimension_too_large),
    _refused(reason="more than 4 dimensions crash the compiler", when=shapes.rank_too_large),
    _refused(reason="a dimension is open: fix it before the export", when=shapes.dynamic),
    _unlisted(reason="computes a shape: fold it into a constant", when=shapes.computes_shapes),
    _refused(reason="int8 weights on float activations", when=shapes.hybrid),
    _refused(reason="unsigned quantized activations inside the network", when=shapes.has_unsigned),
    _doubtful(reason="boolean tensors made the compiler drop all quantization", when=shapes.has_bool),
)

# Replaces the result of a row if that is hardware, because the NPU does not compute floats.
FLOAT = _software(reason="float activations are computed on the Cortex-M55", when=shapes.has_float)
UNKNOWN = _unlisted(TABLE, reason="not in a mapping table: ask the compiler")

_CONVOLUTION = (
    _software(reason="its weights are computed at run time", when=weights.computed_weights),
    _software(reason="dilated along the rows", when=convolution.dilated_rows),
    _software(reason="a stride other than 1, 2 and 4", when=convolution.stride_in_software),
    _doubtful(
        reason="kernels of more than 112 positions computed wrong results: split it",
        when=convolution.too_many_taps,
    ),
)
_DECOMPOSED = _hardware(reason="a large kernel, run in several passes", when=convolution.kernel_decomposed)
_POOL_FAILS = _software(
    reason="not a product of 2s and 3s, and 550 positions or more; the results were wrong",
    when=pooling.pool_fails,
)
_POOL_UNKNOWN = _doubtful(
    reason="not a product of 2s and 3s, and more than 300 positions: there is no evidence",
    when=pooling.pool_unknown,
)
_POOL = (
    _POOL_FAILS,
    _POOL_UNKNOWN,
    _hardware(TABLE, reason="a pool of at most 3 x 3, chained for larger windows"),
)
_ARITHMETIC = (
    _software(
        reason="both inputs are broadcast; the NPU broadcasts only one", when=elementwise.broadcasts_both_ways
    ),
)
_REDUCTION = (
    _software(
        reason="a reduction that is not a global pool over rows and columns", when=pooling.reduces_elsewhere
    ),
    _POOL_FAILS,
    _POOL_UNKNOWN,
    _hardware(REPORTS, reason="a global pool"),
)
_EXTREME = (_doubtful(TABLE, reason="hardware as ONNX Max/Min, but not on the TFLite list"),)
_SLICE = (
    _refused(reason="slices the batch: not implemented", when=movement.slice_cuts_batch),
    _refused(reason="slices more than 3 dimensions: not implemented", when=movement.slice_cuts_many),
)
_PAD = (
    _software(reason="its amounts are computed at run time", when=movement.pads_computed),
    _doubtful(reason="negative padding is not documented", when=movement.pads_negative),
    _software(
        reason="padding of channels is put between two software transposes", when=movement.pads_channels
    ),
)
_NOTHING = (
    _refused(reason="reshapes a one-dimensional network input", when=movement.flat_network_input),
    _hardware(TABLE, reason="no operation or a copy"),
)
_ACTIVATION = (_hardware(TABLE, reason="an activation"),)
_PATTERN = "software, unless the compiler is told to recognise the pattern"
_ENLARGED = "on ST's list, but in every compile report the Cortex-M55 moves its values"
_COMPARISON = "a comparison on the Cortex-M55"

OPERATORS: dict[str, tuple[MappingCase, ...]] = {
    "CONV_2D": (
        _refused(reason="a grouped convolution on 1 x 1 positions", when=convolution.grouped_on_one_pixel),
        _software(reason="one input channel on one position", when=convolution.one_channel_on_one_pixel),
        *_CONVOLUTION,
        _doubtful(
            reason="a kernel as high as its input: the board hangs, the compile report is clean",
            when=convolution.kernel_as_high_as_input,
        ),
        _doubtful(reason="grouped convolutions are not documented", when=convolution.grouped),
        _DECOMPOSED,
        _hardware(REPORTS, reason="a convolution"),
    ),
    "DEPTHWISE_CONV_2D": (
        *_CONVOLUTION,
        _software(
            reason="a kernel as high as its input: the compiler splits it, and parts were in software",
            when=convolution.kernel_as_high_as_input,
        ),
        _doubtful(
            reason="a depthwise stride over one dimension stalled an NPU",
            when=convolution.strided_row,
        ),
        _doubtful(
            reason="a depthwise stride of 2 stalled an NPU; others run it: check it on the board",
            when=convolution.strided_plane,
        ),
        _DECOMPOSED,
        _hardware(REPORTS, reason="a depthwise convolution"),
    ),
    "TRANSPOSE_CONV": (
        _software(reason="its weights are computed at run time", when=weights.computed_weights),
        _software(*ENLARGING, reason=_ENLARGED),
    ),
    "FULLY_CONNECTED": (
        _refused(reason="its bias is computed at run time", when=weights.computed_bias),
        _software(reason="its weights are computed at run time", when=weights.computed_weights),
        _hardware(REPORTS, reason="a matrix product"),
    ),
    "BATCH_MATMUL": (
        _software(reason="no operand is constant", when=weights.no_constant_operand),
        _hardware(LISTED, reason="a matrix product with a constant operand"),
    ),
    "ADD": (
        *_ARITHMETIC,
        _doubtful(
            reason="sums of tensors with different scales were wrong: check it on the board",
            when=elementwise.scales_differ,
        ),
        _hardware(REPORTS, reason="a sum"),
    ),
    "SUB": (
        *_ARITHMETIC,
        _software(reason="the first operand is broadcast", when=elementwise.first_operand_repeated),
        _hardware(REPORTS, reason="a difference"),
    ),
    "SQUARED_DIFFERENCE": (
        *_ARITHMETIC,
        _software(reason="the first operand is broadcast", when=elementwise.first_operand_repeated),
        _hardware(REPORTS, reason="a difference and a product"),
    ),
    "MUL": (*_ARITHMETIC, _hardware(REPORTS, reason="a product")),
    "DIV": (_software(TABLE, reason="a float division: multiply by the reciprocal instead"),),
    "MAXIMUM": _EXTREME,
    "MINIMUM": _EXTREME,
    "ABS": (
        _doubtful(
            reason="the NPU ignored a zero point other than 0",
            when=elementwise.zero_point_not_zero,
        ),
        _hardware(LISTED),
    ),
    "CEIL": (_hardware(LISTED),),
    "NEG": (_software(KERNEL, reason="a float negation"),),
    "RELU": _ACTIVATION,
    "RELU6": _ACTIVATION,
    "RELU_N1_TO_1": _ACTIVATION,
    "LEAKY_RELU": _ACTIVATION,
    "PRELU": (
        _software(reason="its slope is float: quantize it", when=elementwise.float_slope),
        _hardware(TABLE, reason="an activation"),
    ),
    "LOGISTIC": (_hardware(REPORTS, reason="an activation by table"),),
    "TANH": (_hardware(REPORTS, reason="an activation by table"),),
    "HARD_SWISH": _ACTIVATION,
    "GELU": (_software(TABLE, reason=_PATTERN),),
    "SOFTMAX": (_software(REPORTS, reason="integer software, hardware with --expand-softmax"),),
    "AVERAGE_POOL_2D": _POOL,
    "MAX_POOL_2D": _POOL,
    "MEAN": _REDUCTION,
    "REDUCE_MAX": _REDUCTION,
    "SUM": (_software(TABLE, reason="a float sum: use MEAN and a product"),),
    "REDUCE_MIN": (_software(TABLE),),
    "REDUCE_PROD": (_software(TABLE),),
    "PAD": (*_PAD, _hardware(TABLE, reason="constant padding")),
    "PADV2": (
        _refused(reason="has no padding value: the compiler crashes", when=movement.pad_value_missing),
        *_PAD,
        _doubtful(TABLE, reason="padding with a value is not documented"),
    ),
    "CONCATENATION": (
        _refused(reason="joins tensors of different types", when=elementwise.input_types_differ),
        _software(reason="joined along positions, not channels", when=movement.joins_positions),
        _hardware(reason="a copy with requantization", when=elementwise.input_parameters_differ),
        _hardware(TABLE, reason="a copy"),
    ),
    "SPLIT": (_hardware(LISTED, reason="a copy"),),
    "SPLIT_V": (_hardware(LISTED, reason="a copy"),),
    "SLICE": (*_SLICE, _hardware(INFERRED, reason="a copy")),
    "STRIDED_SLICE": (
        *_SLICE,
        _software(reason="its steps are not 1", when=movement.slice_steps),
        _doubtful(
            reason="open or negative bounds broke the compiler's shapes", when=movement.slice_open_ended
        ),
        _hardware(LISTED, reason="a copy"),
    ),
    **dict.fromkeys(RESHAPES, _NOTHING),
    "TRANSPOSE": (
        _doubtful(
            reason="fewer than 4 dimensions stopped the compiler in one network and ran in another",
            when=movement.transposes_below_rank_4,
        ),
        _software(
            reason="a transpose of the network's input was in software", when=movement.reads_network_input
        ),
        _software(reason="was in software in 2.1 and 2.2", when=movement.transposes_inside),
        _hardware(LISTED, reason="a copy by DMA"),
    ),
    "PACK": (_hardware(LISTED, reason="a copy"),),
    "UNPACK": (_hardware(LISTED, reason="a copy"),),
    "QUANTIZE": (
        _software(reason="float input at the network's boundary", when=shapes.has_float),
        _hardware(TABLE, reason="a requantization"),
    ),
    "DEQUANTIZE": (_software(REPORTS, reason="float output at the network's boundary"),),
    "RESIZE_NEAREST_NEIGHBOR": (_software(*ENLARGING, reason=_ENLARGED),),
    "RESIZE_BILINEAR": (_software(TABLE),),
    "SPACE_TO_DEPTH": (_hardware(LISTED, reason="a copy"),),
    "DEPTH_TO_SPACE": (_software(TABLE),),
    "CAST": (_hardware(LISTED, reason="a conversion"),),
    "EQUAL": (_hardware(LISTED),),
    "LOGICAL_AND": (_hardware(LISTED),),
    "LOGICAL_OR": (_hardware(LISTED),),
    "LOGICAL_NOT": (_hardware(LISTED),),
    "GREATER": (_software(TABLE, reason=_COMPARISON),),
    "GREATER_EQUAL": (_software(TABLE, reason=_COMPARISON),),
    "LESS": (_software(TABLE, reason=_COMPARISON),),
    "LESS_EQUAL": (_software(TABLE, reason=_COMPARISON),),
    "SHAPE": (_unlisted(TABLE, reason="reads a shape: fold it into a constant"),),
    **{
        name: (_software(KERNEL),)
        for name in "ARG_MAX ARG_MIN EXP FLOOR GATHER LOG POW ROUND RSQRT SQRT TILE".split()
    },
    **{
        name: (
            _refused(zoo("op-outside-supported-vocabulary"), reason="the compiler's front end rejects it"),
        )
        for name in "CUSTOM:FlexEinsum IF NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 WHILE".split()
    },
}


def mapping_of(node: Node) -> Mapping:
    """Return the mapping of an operator: the first case that holds, general cases first."""
    cases = (*GENERAL, *OPERATORS.get(node.name, ()), UNKNOWN)
    found = next(case.mapping for case in cases if case.when(node))
    claims_npu = found.kind in (MappingKind.HARDWARE, MappingKind.CONDITIONAL)
    return FLOAT.mapping if claims_npu and FLOAT.when(node) else found


def kind_of_every(name: str) -> MappingKind | None:
    """Return the kind of every operator with this name, or None if it varies or is unknown."""
    first = OPERATORS.get(name, (None,))[0]
    return first.mapping.kind if first is not None and first.when is always else None
