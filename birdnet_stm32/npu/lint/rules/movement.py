"""Slices, padding and transposition."""

from __future__ import annotations

from birdnet_stm32.npu.conditions import movement
from birdnet_stm32.npu.evidence import zoo
from birdnet_stm32.npu.lint.rule import LintSeverity, Rule, from_to, known_always, operators
from birdnet_stm32.tflite.operator_sets import PADS

_SLICES = ("SLICE", "STRIDED_SLICE")
_PADS_BY_ITSELF = known_always(
    zoo("pad-scalar-constant-value", "missing shape or size for value=Pad_..._constant_value")
)

RULES = (
    Rule(
        id="slice-of-the-batch",
        title="the batch is sliced",
        severity=LintSeverity.ERROR,
        why="The compiler stops: `NOT IMPLEMENTED: Slice on batch dimension`.",
        remedy="export with batch 1",
        find=operators(*_SLICES, when=movement.slice_cuts_batch, says=from_to),
    ),
    Rule(
        id="slice-over-3-dimensions",
        title="more than 3 dimensions are sliced",
        severity=LintSeverity.ERROR,
        why="The compiler stops: `NOT IMPLEMENTED: Slice on more than 3 dimensions`.",
        remedy="slice in two steps",
        find=operators(*_SLICES, when=movement.slice_cuts_many, says=from_to),
    ),
    Rule(
        id="slice-steps",
        title="a slice with steps other than 1",
        severity=LintSeverity.WARNING,
        why="A step of 2 became four epochs on the Cortex-M55.",
        remedy="fold the step into a dimension by RESHAPE, or into the stride of the next convolution",
        find=operators("STRIDED_SLICE", when=movement.slice_steps, says=from_to),
    ),
    Rule(
        id="slice-open-bounds",
        title="a slice with open or negative bounds",
        severity=LintSeverity.WARNING,
        why="The front end stops: `Error in computation of shapes`.",
        remedy="write literal bounds within the dimension, step 1",
        find=operators("STRIDED_SLICE", when=movement.slice_open_ended, says=from_to),
    ),
    Rule(
        id="transpose-below-rank-4",
        title="a computed tensor of fewer than 4 dimensions is transposed",
        severity=LintSeverity.WARNING,
        why="The compiler stopped at one: `INTERNAL ERROR: Mismatch in channel position`. Another network, "
        "with such a transposition near its output, was compiled without a software epoch.",
        remedy="choose the layout of the input so that nothing is transposed ([model] layout), or keep "
        "four dimensions",
        find=operators("TRANSPOSE", when=movement.transposes_below_rank_4, says=from_to),
    ),
    Rule(
        id="transpose-of-the-input",
        title="the network transposes its input first",
        severity=LintSeverity.HINT,
        why="It was an epoch on the Cortex-M55.",
        remedy='train with [model] layout = "time_major", which needs no transposition',
        find=operators("TRANSPOSE", when=movement.reads_network_input, says=from_to),
    ),
    Rule(
        id="transpose-of-data",
        title="a transposition inside the network",
        severity=LintSeverity.HINT,
        why="It is on ST's list of the NPU's operators. But in every compile report of 2.1 and 2.2 that "
        "shows one, it is an epoch on the Cortex-M55, unless BATCH_MATMUL transposes it back. Nothing is "
        "known about later versions.",
        remedy="choose layouts so that nothing is transposed",
        find=operators("TRANSPOSE", when=movement.transposes_inside, says=from_to),
    ),
    Rule(
        id="pad-of-channels",
        title="padding adds channels",
        severity=LintSeverity.WARNING,
        why="The compiler transposes before and after it, each time as an epoch on the Cortex-M55.",
        remedy="use a 1 x 1 convolution that adds the channels, or use as many channels from the start",
        find=operators(*PADS, when=movement.pads_channels, says=from_to),
    ),
    Rule(
        id="concatenation-of-positions",
        title="tensors are joined along rows, columns or another dimension than channels",
        severity=LintSeverity.WARNING,
        why="The Cortex-M55 copies them. The NPU joins tensors only along channels.",
        remedy="join along channels, or give each tensor an output of its own",
        find=operators("CONCATENATION", when=movement.joins_positions, says=from_to),
    ),
    Rule(
        id="pad-without-value",
        title="a PADV2 has no value",
        severity=LintSeverity.ERROR,
        why="The compiler crashes while it writes code: `signo=11`.",
        remedy="use PAD, or give the value",
        find=operators("PADV2", when=movement.pad_value_missing),
    ),
    Rule(
        id="explicit-pad",
        title="padding as an operator of its own",
        severity=LintSeverity.HINT,
        why="The front end may lose the padding value and stop: `missing shape or size for "
        "value=Pad_..._constant_value`.",
        remedy="if the compiler stops there, use padding SAME in the convolution, or a concatenation with "
        "zeros",
        find=operators(*PADS, when=_PADS_BY_ITSELF, says=from_to),
    ),
    Rule(
        id="undocumented-pad",
        title="padding by negative amounts or with a value",
        severity=LintSeverity.WARNING,
        why="ST documents constant padding. It does not say whether these forms are supported.",
        remedy="use a slice in the place of negative amounts, and pad with zeros",
        find=operators(*PADS, when=movement.pads_unusually, says=from_to),
    ),
    Rule(
        id="computed-pad",
        title="the amounts of padding are computed while the network runs",
        severity=LintSeverity.WARNING,
        why="The NPU pads by constant amounts only. This becomes an epoch on the Cortex-M55.",
        remedy="export with fixed shapes, so that the converter folds the amounts",
        find=operators(*PADS, when=movement.pads_computed, says=from_to),
    ),
)
