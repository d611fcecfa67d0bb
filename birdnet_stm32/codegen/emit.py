"""Generate the C library of a network: the entry point of the portable back end."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from birdnet_stm32.codegen.frontend_config import frontend_files, workspace_bytes
from birdnet_stm32.codegen.head.file_format import head_bytes
from birdnet_stm32.codegen.head.make import cut_model, make_head
from birdnet_stm32.codegen.head.sources import head_files, head_view, runtime_files
from birdnet_stm32.codegen.head.split import bytes_to_reserve, classes_to_reserve, split_program
from birdnet_stm32.codegen.lowering import lower
from birdnet_stm32.codegen.memory import plan_memory
from birdnet_stm32.codegen.network_document import NetworkDocument
from birdnet_stm32.codegen.network_json import network_json
from birdnet_stm32.codegen.program import KernelProgram
from birdnet_stm32.codegen.self_test_vectors import TestVectors, vector_files
from birdnet_stm32.codegen.source_list import LISTING, cmake_listing
from birdnet_stm32.codegen.template_view import embedding_tensor, embedding_view, network_view, storage_symbol
from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import ModelContract, OutputActivation
from birdnet_stm32.paths import firmware_templates
from birdnet_stm32.templating import render_template
from birdnet_stm32.terminal_text import counted
from birdnet_stm32.tflite.ir import Graph

LABELS = "birdnet_labels.c"
_NETWORK_TEMPLATES: tuple[str, ...] = (
    "birdnet_network.h",
    "birdnet_network.c",
    "birdnet_weights.h",
    "birdnet_weights.c",
    LABELS,
)
IDENTITY = "birdnet_network_id.h"
# These functions and tables get another linker name in each network, as do the constants of
# birdnet_weights.h.
_NAMES = (
    "birdnet_network_init",
    "birdnet_network_input",
    "birdnet_network_input_place",
    "birdnet_network_set_input",
    "birdnet_network_get_input",
    "birdnet_network_output",
    "birdnet_network_embedding",
    "birdnet_network_quantize",
    "birdnet_network_invoke",
    "birdnet_network_dequantize",
    "birdnet_network_run",
    "birdnet_labels",
    "birdnet_frontend_config",
    "birdnet_frontend_feed",
    "birdnet_test_vectors",
)
# The same for a network whose head is in a section of its own.
_HEAD_NAMES = (
    "birdnet_network_use_head",
    "birdnet_network_backbone_output",
    "birdnet_head_expectation",
    "birdnet_head_section",
    "birdnet_head_built_in_crc32",
)
FIRST_VERSION = 1  # of the head that a network is built with


@dataclass(frozen=True, kw_only=True)
class HeadSplit:
    """How a head gets a section of its own.

    Args:
        max_classes: classes that memory is reserved for; None for those of the model and 16 more.
        threshold: probability from which each class counts as heard.
    """

    max_classes: int | None = None
    threshold: float = 0.5


def generate_c(
    graph: Graph,
    *,
    labels: Sequence[str],
    contract: ModelContract | None = None,
    vectors: TestVectors | None = None,
    split: HeadSplit | None = None,
) -> dict[str, bytes]:
    """Generate the C library of a network.

    Args:
        graph: an int8 model, see :func:`birdnet_stm32.codegen.lowering.lower`.
        labels: one name for each output.
        contract: if given, the library includes the audio front end.
        vectors: if given, the library includes windows for a self-test. They need ``contract``.
        split: if given, the last layer is not a part of the network, but a head in a section of its own.

    Returns:
        The content of each file by its path relative to the folder of the library. Equal arguments give equal
        bytes.

    Raises:
        InputError: an operator of the model is not supported, or ``labels``, ``contract``, ``vectors`` or
            ``split`` do not fit the model.
    """
    whole = lower(graph)
    _check(whole, labels, contract, vectors)
    program, head, section_bytes = whole, None, 0
    if split is not None:
        cut = cut_model(graph, contract.frontend if contract else None)
        head = make_head(
            cut, names=labels, thresholds=(split.threshold,) * len(labels), version=FIRST_VERSION
        )
        most = classes_to_reserve(head.classes, split.max_classes)
        program = split_program(cut, most)
        section_bytes = bytes_to_reserve(len(head_bytes(head)), head.channels, head.classes, most)
    pooled = embedding_tensor(program)
    memory = plan_memory(program, workspace_bytes(contract.frontend) if contract else 0, kept=pooled)
    view = network_view(program, memory)
    files = dict(_runtime())
    if contract is not None:
        files.update(frontend_files(contract.frontend))
    if vectors is not None:
        files.update(vector_files(vectors))
    context = {
        **view,
        "labels": labels,
        "has_frontend": contract is not None,
        "has_vectors": vectors is not None,
        "head": None,
        "embedding": embedding_view(program, pooled),
    }
    templates = _NETWORK_TEMPLATES
    if head is not None:
        fed = storage_symbol(program, program.steps[-1].activations[0])
        context["head"] = head_view(head, section_bytes, fed)
        templates = tuple(name for name in templates if name != LABELS)
        files |= runtime_files()
        files |= head_files(head, section_bytes=section_bytes, max_classes=view["output"].elements)
    for name in templates:
        files[name] = render_template(f"network/{name}.j2", context).encode()
    digest = network_digest(files)
    files[IDENTITY] = identity_header(digest, has_head=head is not None)
    files[LISTING] = cmake_listing(files)
    files["README.md"] = render_template("network/README.md.j2", context).encode()
    files[NetworkDocument.FILE] = network_json(program, memory, labels, files, digest)
    return dict(sorted(files.items()))


def network_digest(files: Mapping[str, bytes]) -> str:
    """Return 16 hexadecimal digits that identify the C of a network.

    Args:
        files: the generated content by path. The runtime is the same for all networks and is left out.
    """
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        if not name.startswith("runtime/") and name.endswith((".c", ".h")):
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def identity_header(digest: str, *, has_head: bool = False) -> bytes:
    """Return the header :data:`IDENTITY`, which adds the digest to the linker names of a network.

    Args:
        digest: from :func:`network_digest`.
        has_head: whether the network has a head in a section of its own.
    """
    names = (*_NAMES, *(_HEAD_NAMES if has_head else ()))
    return render_template(f"network/{IDENTITY}.j2", {"digest": digest, "names": names}).encode()


def _runtime() -> dict[str, bytes]:
    folder = firmware_templates() / "runtime"
    return {f"runtime/{path.name}": path.read_bytes() for path in sorted(folder.glob("*.[ch]"))}


def _check(
    program: KernelProgram,
    labels: Sequence[str],
    contract: ModelContract | None,
    vectors: TestVectors | None,
) -> None:
    outputs = program.graph.tensors[program.output.tensor].elements
    inputs = program.graph.tensors[program.input.tensor].elements
    if len(labels) != outputs:
        raise InputError(
            f"there are {counted(len(labels), 'label')} for {counted(outputs, 'output')}",
            expected="one label for each output",
        )
    if contract is not None:
        _check_contract(program, contract)
    if vectors is not None:
        if contract is None:
            raise InputError("test vectors need the front end", remedy="pass the contract of the model too")
        sizes = (vectors.quantized_input[0].size, vectors.output[0].size, vectors.pcm.shape[1])
        wanted = (inputs, outputs, contract.frontend.window_samples)
        if sizes != wanted:
            raise InputError(
                f"the test vectors' sizes are {sizes}", expected=f"{wanted}, the sizes of the model"
            )


def _check_contract(program: KernelProgram, contract: ModelContract) -> None:
    contract.frontend.check_input(program.graph.tensors[program.graph.inputs[0]].shape[1:])
    if (contract.output_activation is OutputActivation.LOGIT) != program.output_is_logit:
        found = "logits" if program.output_is_logit else "probabilities (it ends in LOGISTIC)"
        raise InputError(
            f"the network gives {found}",
            expected=f"{contract.output_activation}, as the model's configuration says",
            remedy="use the configuration that belongs to the model",
        )
