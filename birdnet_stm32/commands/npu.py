"""Compiles a .tflite for the NPU with ST's tool, which has to be installed, and checks the result.

The command writes ST's generated files, which are under ST's licence, compilation.json and gates.json into
DIR. compilation.json has the content of ST's files in one form for every version of the tool. With --analyze
only the report is made. The options are those of the table [npu] in a variant file.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from birdnet_stm32.boards import folders
from birdnet_stm32.boards.description import Board
from birdnet_stm32.commands.shared.checked_options import checked_table
from birdnet_stm32.commands.shared.messages import print_message, print_warning
from birdnet_stm32.commands.shared.npu_installation import print_installation
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.config.variant import NpuTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.document import document_text
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.firmware.flash_layout import flash_map
from birdnet_stm32.npu.stedgeai.command import BAUD
from birdnet_stm32.npu.stedgeai.compilation import (
    CompilationDocument,
    Epoch,
    describe_compilation,
)
from birdnet_stm32.npu.stedgeai.compile import analyze_network, compile_network
from birdnet_stm32.npu.stedgeai.gates import GatesDocument, Subject, judge_compilation, refuse_compilation
from birdnet_stm32.npu.stedgeai.tool import VARIABLE, Tool, locate_tool
from birdnet_stm32.npu.stedgeai.validate import validate_network
from birdnet_stm32.terminal_text import counted
from birdnet_stm32.tflite.reader import read_graph

EXAMPLE = "birdnet-stm32 npu model.tflite --out npu"
LOG = "stedgeai.log"
VALIDATION_LOG = "validate.log"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    defaults = NpuTable()
    parser.add_argument("model", type=Path, nargs="?", metavar="MODEL.tflite")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder for the results: a new one, or one that this command wrote",
    )
    parser.add_argument(
        "--where",
        action="store_true",
        help="show which installation of ST's tool is found and what is missing in it; do not compile",
    )
    parser.add_argument(
        "--analyze", action="store_true", help="only show what the tool would do with the model"
    )
    parser.add_argument(
        "--core-dir", type=Path, metavar="DIR", help=f"folder of ST Edge AI Core; default: {VARIABLE}, PATH"
    )
    parser.add_argument(
        "--weights-address",
        type=lambda text: int(text, 0),
        metavar="ADDRESS",
        help="address in the external flash; default: the one in the board's description",
    )
    parser.add_argument(
        "--target",
        metavar="NAME",
        help="the board with the NPU; default: the first default board that has an NPU",
    )
    parser.add_argument(
        "--hyperram", action="store_true", help="activations may also lie in the external RAM"
    )
    parser.add_argument(
        "--epoch-controller",
        action=argparse.BooleanOptionalAction,
        help="whether the NPU's epoch controller runs the schedule; default: yes for Core 4.0 and later",
    )
    parser.add_argument(
        "--io", choices=("int8", "model"), default=defaults.io, help="types of input and output"
    )
    parser.add_argument("--timeout-s", type=float, default=defaults.timeout_s, metavar="SECONDS")
    parser.add_argument(
        "--waive",
        action="append",
        default=[],
        metavar="GATE=REASON",
        help="allow that a gate is missed; the option may be repeated",
    )
    parser.add_argument(
        "--validate",
        type=Path,
        metavar="INPUTS.npy",
        help="then let ST's tool compare the result with the model on these inputs",
    )
    parser.add_argument(
        "--board",
        metavar="PORT",
        help="port of a board that runs ST's NPU_Validation; default: compare on this machine",
    )
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write the content of compilation.json or the analysis to this file",
    )


def run(options: argparse.Namespace) -> None:
    """Compile one model, or show where ST's tool is."""
    if options.where:
        print_installation(options.core_dir, writer_of(options), options.json)
        return
    missing = [name for name, given in (("MODEL.tflite", options.model), ("--out", options.out)) if not given]
    if missing:
        raise InputError(
            f"{' and '.join(missing)} is missing",
            expected="MODEL.tflite and --out DIR, or --where",
            remedy=EXAMPLE,
        )
    asked = _asked(options)
    board = folders.select("npu", options.target)
    flash = folders.require(board.flash, board, "flash")
    flash_map(flash, asked.weights_address)
    writer = writer_of(options)
    writer.check_folder(options.out)
    writer.check(options.json)
    model = read_bytes(options.model)
    inputs = read_bytes(options.validate) if options.validate else None
    graph = read_graph(model, where=str(options.model))
    tool = locate_tool(options.core_dir)
    print_warning(str(tool))
    if tool.warning:
        print_warning(f"warning: {tool.warning}")
    log = options.out / LOG
    writer.register_logs(options.out, LOG, VALIDATION_LOG)
    if options.analyze:
        _analyze(tool, model, asked, board, log, options)
        return
    compilation = compile_network(tool, model, asked, board, log=log)
    gates = judge_compilation(
        Subject(compilation=compilation, graph=graph, asked=asked, flash=flash, core_dir=tool.core_dir)
    )
    described = describe_compilation(compilation)
    written = {
        CompilationDocument.FILE: document_text(described).encode(),
        GatesDocument.FILE: document_text(GatesDocument(gates=gates)).encode(),
    }
    writer.write_folder(options.out, {**compilation.files, **written}, last=CompilationDocument.FILE)
    writer.write_document(options.json, described)
    for gate in gates:
        print_message(gate.row, options.json)
    refuse_compilation(gates)
    if inputs is not None:
        _validate(tool, model, asked, board, inputs, options)
    blobs = {blob.name: blob.epochs for blob in compilation.blobs}
    print_message(f"{options.out}: {_counted(compilation.epochs, blobs)}", options.json)


def _validate(
    tool: Tool,
    model: bytes,
    asked: NpuTable,
    board: Board,
    inputs: bytes,
    options: argparse.Namespace,
) -> None:
    agreements = validate_network(
        tool,
        model,
        asked,
        board,
        mode="target" if options.board else "host",
        inputs=inputs,
        log=options.out / VALIDATION_LOG,
        descriptor=f"serial:{options.board}:{BAUD}",
    )
    for one in agreements:
        text = f"cosine {one.cosine}, mean absolute error {one.mae}, mean error {one.mean}"
        print_message(f"{one.output}: {text}, by ST's tool", options.json)


def _analyze(
    tool: Tool, model: bytes, asked: NpuTable, board: Board, log: Path, options: argparse.Namespace
) -> None:
    report, info = analyze_network(tool, model, asked, board, log=log)
    fields = {
        "tool": str(report.tool),
        "compiler": report.compiler,
        "cycles": info.cycles,
        "epochs": [asdict(epoch) for epoch in info.epochs],
        "pools": [asdict(pool) for pool in info.pools],
        "blobs": {name: list(indices) for name, indices in info.blobs.items()},
    }
    json = options.json
    writer_of(options).write_json(json, fields)
    for epoch in info.epochs:
        if epoch.kind != "hardware":
            print_message(f"epoch {epoch.index}: {epoch.kind}, {', '.join(epoch.operators)}", json)
    for pool in info.pools:
        if pool.used_bytes:
            print_message(f"{pool.name}: {pool.used_bytes:,} bytes", json)
    print_message(_counted(info.epochs, info.blobs), json)


def _counted(epochs: Sequence[Epoch], blobs: Mapping[str, Sequence[int]]) -> str:
    kinds = [
        f"{sum(one.kind == kind for one in epochs)} {kind}" for kind in ("hardware", "hybrid", "software")
    ]
    controlled = sum(len(indices) for indices in blobs.values())
    by = f"; the epoch controller runs {controlled} in {counted(len(blobs), 'blob')}" if blobs else ""
    return f"{counted(len(epochs), 'epoch')}: {', '.join(kinds)}{by}"


def _asked(options: argparse.Namespace) -> NpuTable:
    """Return the options as the table of a variant, which checks their values."""
    waive = {}
    for given in options.waive:
        gate, separator, reason = given.partition("=")
        if not separator:
            raise InputError(f"--waive {given}", expected="GATE=REASON")
        waive[gate] = reason
    return checked_table(
        NpuTable,
        options={"weights_address": "--weights-address", "timeout_s": "--timeout-s"},
        weights_address=options.weights_address,
        hyperram=options.hyperram,
        io=options.io,
        epoch_controller=options.epoch_controller,
        timeout_s=options.timeout_s,
        waive=waive,
    )
