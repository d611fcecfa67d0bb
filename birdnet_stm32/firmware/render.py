"""Renders a complete CMake project for a board: nothing of it is edited afterwards."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.boards import folders
from birdnet_stm32.boards.description import Board, Program
from birdnet_stm32.codegen.head.document import HeadDocument
from birdnet_stm32.codegen.head.sources import HEAD_FILE, with_thresholds
from birdnet_stm32.codegen.resample_filters import resample_files
from birdnet_stm32.codegen.source_list import LISTING, cmake_listing
from birdnet_stm32.config.detect_table import DetectTable
from birdnet_stm32.detect.rules import Rules, make_rules
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.document import parse_document
from birdnet_stm32.firmware.head_region import with_head_region
from birdnet_stm32.firmware.npu_network import NpuNetwork, check
from birdnet_stm32.firmware.rules import rules_files
from birdnet_stm32.paths import firmware_templates
from birdnet_stm32.templating import render_template

_NEEDED_MODEL_FILES = ("CMakeLists.txt", "birdnet_network.h", "birdnet_frontend_config.h")
VECTORS = "birdnet_test_vectors.h"
_SELF_TEST = tuple(
    f"{name}.{suffix}" for name in ("self_test", "agreement", "host_link") for suffix in ("h", "c")
)
# What the NPU computes instead: in src/network, and in the flash.
_PORTABLE_NETWORK = ("birdnet_network.c", "birdnet_weights.c")


@dataclass(frozen=True, kw_only=True)
class FirmwareSettings:
    """What the application is told at build time.

    Args:
        threshold: probability at which a class counts as detected, above 0 and up to 1.
        thresholds: the same for each class, in the order of the outputs; empty where ``threshold`` holds for
            all of them.
        threshold_notes: a comment for each of these, such as the species and its expected recall; or none.
        top_k: most detections a recording, 1 to 1,000.
        title: the firmware's name for people.
        version: its version.
        detect: how windows become events; the thresholds of its species are in ``thresholds``.
        input_rates_hz: sample rates of recordings that are converted to the model's.
    """

    threshold: float
    top_k: int
    title: str
    version: str
    detect: DetectTable = field(default_factory=DetectTable)
    input_rates_hz: tuple[int, ...] = ()
    thresholds: tuple[float, ...] = ()
    threshold_notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for threshold in (self.threshold, *self.thresholds):
            if not 0 < threshold <= 1:
                raise InputError(f"threshold is {threshold}", expected="a probability above 0 and up to 1")
        if self.threshold_notes and len(self.threshold_notes) != len(self.thresholds):
            raise InputError(
                f"there are {len(self.threshold_notes)} notes for {len(self.thresholds)} thresholds",
                expected="a note for each threshold, or none",
            )
        if not 1 <= self.top_k <= 1_000:
            raise InputError(f"top_k is {self.top_k}", expected="1 to 1000 detections a recording")


def render_project(
    board_name: str,
    model_files: Mapping[str, bytes],
    settings: FirmwareSettings,
    *,
    npu: NpuNetwork | None = None,
) -> dict[str, bytes]:
    """Render the project of a board around a generated model.

    Args:
        board_name: one of :func:`birdnet_stm32.boards.folders.names`.
        model_files: the C folder that codegen generated, content by relative path.
        settings: threshold and names.
        npu: the same network compiled for the NPU, which then computes it; for boards that have one.

    Returns:
        Content by relative path, sorted by path.

    Raises:
        InputError: there is no such board; the model lacks the front end or, for a board that tests itself,
            the stored windows; or there are not as many thresholds as the model has outputs.
        GateError: the firmware cannot run the network for the NPU.
    """
    board = folders.find(board_name)
    program = board.program
    has_head = HEAD_FILE in model_files
    if has_head:
        # The thresholds belong to the classes, so they lie in the head.
        described = parse_document(HeadDocument, model_files[HeadDocument.FILE], where=HeadDocument.FILE)
        chosen = settings.thresholds or (settings.threshold,) * described.classes
        model_files = with_thresholds(model_files, chosen)
        program = with_head_region(board, model_files, for_npu=npu is not None)
    if npu is not None:
        program = folders.require(board.npu, board, "npu").program
    needed = (*_NEEDED_MODEL_FILES, *((VECTORS,) if program.self_test else ()))
    missing = [name for name in needed if name not in model_files]
    if missing:
        raise InputError(
            f"the generated model lacks {', '.join(missing)}",
            where=board_name,
            expected="a model generated with its contract" + (" and test vectors" * program.self_test),
        )
    rules = _rules(settings.detect, model_files["birdnet_frontend_config.h"])
    context: dict[str, Any] = {
        "board": board,
        "memory": program.regions,
        "has_head": has_head,
        "settings": settings,
        "model_digest": model_digest(model_files),
        "rules": rules,
    }
    model = dict(model_files) if npu is None else _without_portable_network(model_files)
    files = {f"src/model/{name}": content for name, content in model.items()}
    if npu is not None:
        check(npu, program.memory, external_ram=bool(board.npu and board.npu.external_ram_bytes))
        files |= {f"src/network/{name}": content for name, content in npu.files.items()}
        context |= {"npu": npu, "model_digest": npu_digest(model_files, npu)}
    context["program"] = _with_usage(board, program, context)
    files |= template_files("app", "src/app", context, without=() if program.self_test else _SELF_TEST)
    decisions = rules_files(
        rules,
        thresholds=() if has_head else _class_thresholds(settings, model_files["birdnet_network.h"]),
        notes=() if has_head else settings.threshold_notes,
        has_head=has_head,
    )
    files |= {f"src/app/{name}": content for name, content in decisions.items()}
    sample_rate_hz = _macro(model_files["birdnet_frontend_config.h"], "BIRDNET_SAMPLE_RATE_HZ")
    filters = resample_files(settings.input_rates_hz, sample_rate_hz)
    files |= {f"src/app/{name}": content for name, content in filters.items()}
    unused = () if npu is None or npu.has_stai else ("npu_runtime_stai.c",)
    files |= board_files(board, context, without=unused)
    sources = sorted(
        name for name in files if name.startswith(("src/app/", "src/board/")) and name.endswith((".c", ".S"))
    )
    context |= {"sources": sources, "has_board_cmake": "src/board/board.cmake" in files}
    files |= template_files("project", "", context)
    return dict(sorted(files.items()))


def _rules(table: DetectTable, frontend_header: bytes) -> Rules:
    """Return how windows become events. The classes are those with a rule of their own."""
    shape = WindowShape(
        sample_rate_hz=_macro(frontend_header, "BIRDNET_SAMPLE_RATE_HZ"),
        window_samples=_macro(frontend_header, "BIRDNET_WINDOW_SAMPLES"),
        hop_samples=_macro(frontend_header, "BIRDNET_WINDOW_HOP_SAMPLES"),
    )
    labels = tuple(table.species)  # the firmware finds the classes by their labels
    return make_rules(table, labels, (0.5,) * len(labels), shape)


def _macro(header: bytes, name: str) -> int:
    """Return the number that a generated header defines."""
    found = re.search(rb"#define " + name.encode() + rb" (\d+)u", header)
    if found is None:
        raise InputError(
            f"{name} is missing in a header of the generated model",
            expected="a model that `codegen` generated",
        )
    return int(found[1])


def _class_thresholds(settings: FirmwareSettings, network_header: bytes) -> tuple[float, ...]:
    """Return the threshold of each output of the network, whose generated header says how many there are."""
    outputs = _macro(network_header, "BIRDNET_OUTPUT_ELEMENTS")
    values = settings.thresholds or (settings.threshold,) * outputs
    if len(values) != outputs:
        raise InputError(
            f"there are {len(values)} thresholds for {outputs} classes",
            expected="one threshold for each class, in the order of the outputs",
        )
    return values


def board_files(
    board: Board, context: Mapping[str, Any], *, without: tuple[str, ...] = ()
) -> dict[str, bytes]:
    """Return what touches the hardware: the files of the board and of its parts, as ``src/board/*``.

    Args:
        board: the board.
        context: for the templates; with ``npu``, the files for the NPU's program come on top.
        without: names that are left out.
    """
    unwanted = (folders.BOARD_FILE, folders.PART_FILE, folders.USAGE, *without)
    files: dict[str, bytes] = {}
    for folder in folders.template_folders(board, npu="npu" in context):
        files |= template_files(folder, "src/board", context, pattern="*", without=unwanted)
    return files


def _with_usage(board: Board, program: Program, context: Mapping[str, Any]) -> Program:
    """Return the program with its usage, which templates of the board or of its parts give."""
    written = [
        f"{folder}/{folders.USAGE}"
        for folder in folders.template_folders(board, npu="npu" in context)
        if (firmware_templates() / folder / folders.USAGE).is_file()
    ]
    if program.usage or not written:
        return program
    return replace(program, usage=render_template(written[-1], {**context, "program": program}))


def model_digest(model_files: Mapping[str, bytes]) -> str:
    """Return 16 hexadecimal digits that tell one generated model from another: a firmware says them."""
    digest = hashlib.sha256()
    for name, content in sorted(model_files.items()):
        # A comment in a kernel, the same for all models, must not make another program.
        if name.startswith("runtime/") or name.endswith((".json", ".md", ".txt")):
            continue
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def npu_digest(model_files: Mapping[str, bytes], npu: NpuNetwork) -> str:
    """Return :func:`model_digest` of what the NPU's firmware is built with, its weights included."""
    return model_digest({**model_files, **npu.files, "weights": npu.weights})


def _without_portable_network(model_files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return a model without what computes the network: interface, front end and windows stay."""
    kept = {name: content for name, content in model_files.items() if name not in _PORTABLE_NETWORK}
    return {**kept, LISTING: cmake_listing(kept)}


def template_files(
    source: str,
    target: str,
    context: Mapping[str, Any],
    *,
    pattern: str = "**/*",
    without: tuple[str, ...] = (),
) -> dict[str, bytes]:
    """Return the files of a template folder, ``*.j2`` rendered, without those named."""
    root = firmware_templates()
    files = {}
    for path in sorted((root / source).glob(pattern)):
        if not path.is_file() or path.name in without:
            continue
        name = str(Path(target) / path.relative_to(root / source).as_posix())
        if path.suffix == ".j2":
            files[name.removesuffix(".j2")] = render_template(
                path.relative_to(root).as_posix(), context
            ).encode()
        else:
            files[name] = path.read_bytes()
    return files
