"""Lower tables, which a rewrite made of several operators, to kernel calls."""

from __future__ import annotations

from birdnet_stm32.codegen import shapes
from birdnet_stm32.codegen.kernel_calls import ChannelLookup, KernelCall, Lookup, int8
from birdnet_stm32.codegen.refusal import refuse
from birdnet_stm32.tflite.node import Node


def tabulated(node: Node) -> tuple[KernelCall, ...]:
    """Lower TABLE, see :mod:`birdnet_stm32.codegen.rewrite.value_tables`."""
    source, tables = (shapes.operand(node, position) for position in (0, 1))
    if tables.data is None:
        raise refuse(node, "its table is computed at run time")
    channels = len(tables.data)
    layer: Lookup | ChannelLookup = (
        Lookup(elements=source.elements, table=int8("table", tables.data[0]))
        if channels == 1
        else ChannelLookup(
            pixels=source.elements // channels,
            channels=channels,
            pixel_stride=channels,
            channel_stride=1,
            tables=int8("tables", tables.data),
        )
    )
    return (
        KernelCall(
            operator=node.operator,
            function="birdnet_lookup" if channels == 1 else "birdnet_channel_lookup",
            layer=layer,
            inputs=(source.index,),
            output=node.output.index,
            in_place=(source.index,),
            title=str(node.options["title"]),
        ),
    )
