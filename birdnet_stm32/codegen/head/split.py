"""The kernel calls of a network whose head is a part of its own, and the memory that is kept for heads."""

from __future__ import annotations

from dataclasses import replace

from birdnet_stm32.codegen.head.contents import MAX_CLASSES
from birdnet_stm32.codegen.head.file_format import ALIGNMENT_BYTES, head_size_bytes
from birdnet_stm32.codegen.head.make import CutModel
from birdnet_stm32.codegen.kernel_calls import HeadCall, KernelCall
from birdnet_stm32.codegen.lowering import lower
from birdnet_stm32.codegen.program import KernelProgram
from birdnet_stm32.errors import InputError

MORE_CLASSES = 16  # than the model has, unless the variant says how many
BLOCK_BYTES = 4_096  # the smallest part of a NOR flash that can be erased
_NAME_BYTES = 64  # kept for the name of each class that is not there yet


def classes_to_reserve(classes: int, asked: int | None) -> int:
    """Return for how many classes memory is kept.

    Args:
        classes: of the model.
        asked: ``[codegen] head_classes``; None for the classes of the model and 16 more.

    Raises:
        InputError: the model has more classes than that.
    """
    most = min(classes + MORE_CLASSES, MAX_CLASSES) if asked is None else asked
    if not classes <= most <= MAX_CLASSES:
        raise InputError(
            f"head_classes is {most}",
            where="[codegen]",
            expected=f"{classes}, the classes of the model, to {MAX_CLASSES}",
        )
    return most


def bytes_to_reserve(head_bytes: int, channels: int, classes: int, most: int) -> int:
    """Return the size of the section that heads with up to ``most`` classes fit into.

    Args:
        head_bytes: size of the head that the model has now.
        channels: values that the backbone gives.
        classes: of that head.
        most: from :func:`classes_to_reserve`.
    """
    one = head_size_bytes(1, channels, _NAME_BYTES, has_table=False) - head_size_bytes(
        0, channels, 0, has_table=False
    )
    needed = head_bytes + one * (most - classes) + ALIGNMENT_BYTES  # C has no arrays without elements
    return -(-needed // BLOCK_BYTES) * BLOCK_BYTES


def split_program(cut: CutModel, most: int) -> KernelProgram:
    """Return the kernel calls of the backbone, and last the call of the head.

    The backbone is lowered alone. So no rewrite looks at the head, and the C of the backbone is the same
    whatever head the model has.

    Args:
        cut: the model.
        most: number of classes that the output has room for.

    Raises:
        InputError: the backbone cannot be generated as C.
    """
    program = lower(cut.backbone)
    pooled = program.output.tensor
    result = replace(
        cut.graph.tensors[cut.operators.output],
        index=len(program.graph.tensors),
        shape=(1, most),
        name="the classes",
    )
    call = KernelCall(
        operator=cut.operators.dense,
        function="birdnet_head_run",
        layer=HeadCall(),
        inputs=(pooled,),
        output=result.index,
        macs=cut.graph.tensors[cut.operators.dense.inputs[1]].elements,
        title=f"{cut.operators.dense.index} HEAD",
    )
    quantization = result.quantization
    if quantization is None:
        raise InputError("the output of the head has no scale", where=result.short_name)
    return replace(
        program,
        graph=replace(program.graph, tensors=(*program.graph.tensors, result)),
        steps=(*program.steps, call),
        output=replace(
            program.output,
            tensor=result.index,
            name=result.name,
            shape=result.shape,
            scale=quantization.scales[0],
            zero_point=quantization.zero_points[0],
        ),
        output_is_logit=cut.operators.logistic is None,
    )
