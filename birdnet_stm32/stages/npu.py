"""Compiles the network for the NPU with ST's tool; publishes ``npu/`` and ``gates.json``.

``npu/`` holds the generated files of ST's tool as they are, under ST's licence, and ``compilation.json``,
which describes them.
"""

from __future__ import annotations

import shutil
import sys

from birdnet_stm32.boards import folders
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.files.document import write_document
from birdnet_stm32.npu.stedgeai.compilation import save_compilation
from birdnet_stm32.npu.stedgeai.compile import compile_network
from birdnet_stm32.npu.stedgeai.gates import GatesDocument, Subject, judge_compilation, refuse_compilation
from birdnet_stm32.npu.stedgeai.tool import locate_tool
from birdnet_stm32.stages.inputs.file_names import MODEL, NPU_FOLDER
from birdnet_stm32.terminal_text import counted
from birdnet_stm32.tflite.reader import read_graph

LOG = "local_stedgeai.log"  # it holds seconds and paths, so that it is not a recorded output


def run(job: Job) -> Outcome:
    """Compile the verified model and judge the result by every gate."""
    table = job.variant.npu
    tool = locate_tool(None if table.core_dir is None else job.release.resolve(table.core_dir))
    print(f"  {tool}", file=sys.stderr)
    if tool.warning:
        print(f"  warning: {tool.warning}", file=sys.stderr)
    path = job.inputs["verify"] / MODEL
    model = path.read_bytes()
    log = job.previous.with_name("npu.stedgeai.log")  # outside the folder, so that it stays if the tool fails
    board = folders.first("npu", (*job.variant.firmware.boards, *folders.default_names()))
    compilation = compile_network(tool, model, table, board, log=log)
    shutil.move(log, job.out / LOG)
    folder = job.out / NPU_FOLDER
    folder.mkdir()
    save_compilation(compilation, folder)
    subject = Subject(
        compilation=compilation,
        graph=read_graph(model, where=str(path)),
        asked=table,
        flash=folders.require(board.flash, board, "flash"),
        core_dir=tool.core_dir,
    )
    gates = judge_compilation(subject)
    write_document(GatesDocument(gates=gates), job.out)
    refuse_compilation(gates)
    counts = ", ".join(f"{compilation.count(kind)} {kind}" for kind in ("hardware", "hybrid", "software"))
    blobs = ""
    if compilation.epoch_controller:
        blobs = f", {counted(len(compilation.blobs), 'blob')} of the epoch controller"
    return Outcome(
        summary=f"Core {tool.version.core}: {counted(len(compilation.epochs), 'epoch')} ({counts}){blobs}, "
        f"{compilation.weights_bytes:,} bytes of weights at 0x{compilation.weights_address:08X}",
        measures={"tool": str(tool.version), "epochs": len(compilation.epochs), "cycles": compilation.cycles},
    )
