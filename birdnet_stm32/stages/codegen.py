"""Generates the network and the front end in C; publishes ``c/``."""

from __future__ import annotations

from birdnet_stm32.codegen.emit import HeadSplit, generate_c
from birdnet_stm32.codegen.network_document import NetworkDocument
from birdnet_stm32.codegen.self_test_vectors import make_test_vectors
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.files.document import read_document
from birdnet_stm32.files.tree import write_tree
from birdnet_stm32.frontend.contract import read_contract
from birdnet_stm32.stages.inputs.file_names import C_FOLDER, CONFIG, MODEL
from birdnet_stm32.stages.inputs.windows import load_windows
from birdnet_stm32.terminal_text import counted
from birdnet_stm32.tflite.reader import read_graph


def run(job: Job) -> Outcome:
    """Generate C for the verified model, with validation windows for the self-test of the firmware."""
    verified = job.inputs["verify"]
    model = (verified / MODEL).read_bytes()
    contract = read_contract(verified / CONFIG)
    table = job.variant.codegen
    windows = load_windows(job.inputs["representative"]).validation[: table.test_vectors]
    files = generate_c(
        read_graph(model, where=str(verified / MODEL)),
        labels=contract.labels,
        contract=contract,
        vectors=make_test_vectors(windows, contract.frontend, model, split_head=table.split_head),
        split=HeadSplit(max_classes=table.head_classes) if table.split_head else None,
    )
    write_tree(job.out / C_FOLDER, files)
    network = read_document(NetworkDocument, job.out / C_FOLDER)
    return Outcome(
        summary=f"{counted(len(files), 'file')} of C: {network.constant_bytes:,} bytes of weights and "
        f"tables, arena of {network.arena.size_bytes:,} bytes",
        measures={"arena_bytes": network.arena.size_bytes, "macs": network.macs},
    )
