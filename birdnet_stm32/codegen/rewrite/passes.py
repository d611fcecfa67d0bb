"""All rewrites, in their order."""

from __future__ import annotations

from collections.abc import Callable

from birdnet_stm32.codegen.program import KernelProgram
from birdnet_stm32.codegen.rewrite.constant_channels import fold_constant_channels
from birdnet_stm32.codegen.rewrite.input_order import store_input_transposed
from birdnet_stm32.codegen.rewrite.residual import fuse_residuals
from birdnet_stm32.codegen.rewrite.table_order import store_tables_transposed
from birdnet_stm32.codegen.rewrite.transposes import compose_transposes
from birdnet_stm32.codegen.rewrite.value_tables import tabulate
from birdnet_stm32.tflite.ir import Graph

GRAPH_PASSES: tuple[Callable[[Graph], Graph], ...] = (compose_transposes, fold_constant_channels, tabulate)
PROGRAM_PASSES: tuple[Callable[[KernelProgram], KernelProgram], ...] = (
    store_input_transposed,
    store_tables_transposed,
    fuse_residuals,
)
