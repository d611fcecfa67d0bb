"""What fits into the STM32N6's internal RAM. These are lower bounds: the compiler's report decides."""

from __future__ import annotations

from collections.abc import Iterator

from birdnet_stm32.npu import costs
from birdnet_stm32.npu.evidence import EVERY, zoo
from birdnet_stm32.npu.lint.rule import Hit, LintSeverity, Rule, search
from birdnet_stm32.tflite.ir import Graph

ON_CHIP_BYTES = 2_883_576  # of ST's default memory pool: AXISRAM2 and the four of the NPU


@search(
    zoo("analytic-activation-peak-is-lower-bound", core=EVERY),
    zoo("psram-spill-with-zero-sw-epochs", core=EVERY),
    zoo("hyperram-spill-hardfaults-without-use-ext-sram", core=EVERY),
)
def _activations(graph: Graph) -> Iterator[Hit]:
    live = [
        sum(costs.tensor_bytes(tensor) for tensor in tensors if tensor.dtype in costs.BYTES)
        for tensors in costs.live_tensors(graph)
    ]
    peak = max(live, default=0)
    if peak > ON_CHIP_BYTES:
        yield Hit(operator=live.index(peak), evidence=f"{peak:,} of {ON_CHIP_BYTES:,} bytes")


@search(zoo("noextmem-profile-does-not-fit", core=EVERY))
def _constants(graph: Graph) -> Iterator[Hit]:
    used = {index: operator for operator in reversed(graph.operators) for index in operator.inputs}
    sizes = {
        index: costs.tensor_bytes(graph.tensors[index])
        for index in used
        if index >= 0 and graph.tensors[index].data is not None
    }
    if sum(sizes.values()) > ON_CHIP_BYTES:
        largest = max(sizes, key=lambda index: sizes[index])
        yield Hit(
            operator=used[largest].index,
            tensor=largest,
            evidence=f"{sum(sizes.values()):,} of {ON_CHIP_BYTES:,} bytes; this tensor is the largest",
        )


RULES = (
    Rule(
        id="activations-exceed-on-chip",
        title="the activations do not fit into the internal RAM",
        severity=LintSeverity.WARNING,
        why="The compiler stops with E103, or puts them into HyperRAM. HyperRAM is slow, although the cycles "
        "look good, and causes a bus fault if the firmware does not start it. Scratch memory and alignment "
        "add to this estimate.",
        remedy="shorten the window, lower [model] alpha, or quantize float tensors",
        find=_activations,
    ),
    Rule(
        id="constants-exceed-on-chip",
        title="the weights alone do not fit into the internal RAM",
        severity=LintSeverity.HINT,
        why="A memory pool without external flash stops with E103.",
        remedy="keep the weights in the octo-SPI flash, as ST's default pool does",
        find=_constants,
    ),
)
