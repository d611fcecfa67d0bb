"""Builds the firmware whose network the NPU computes; publishes ``project/``, ``firmware/``, ``licences/``.

``project/`` refers to ST's sources by variables. It holds none of them, only what ST's tool generated for
this network, with its licence. ``licences/`` lists the parts that are linked in and holds their licences.
``npu.json`` says which model the firmware runs and how much memory it needs.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from birdnet_stm32.boards import folders
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.files import tree
from birdnet_stm32.files.document import write_document
from birdnet_stm32.firmware import vendor
from birdnet_stm32.firmware.npu_description import LinkedComponent, NpuFirmwareDocument, StoredWeights
from birdnet_stm32.firmware.npu_image import build_npu
from birdnet_stm32.firmware.npu_network import NpuBlob, NpuMemory, NpuNetwork, NpuPort
from birdnet_stm32.firmware.render import npu_digest, render_project
from birdnet_stm32.npu.stedgeai.compilation import Compilation, NetworkBuffer, load_compilation
from birdnet_stm32.npu.stedgeai.profile import FLASH_POOL, HYPERRAM_POOL
from birdnet_stm32.stages.inputs.file_names import (
    NPU_FIRMWARE_FOLDER,
    NPU_FOLDER,
    NPU_LICENCES,
    NPU_PROJECT,
)
from birdnet_stm32.stages.inputs.project import generated_model, release_settings


def run(job: Job) -> Outcome:
    """Render the project around ST's network and ST's sources, build it, and check the image."""
    network = network_of(load_compilation(job.inputs["npu"] / NPU_FOLDER))
    generated = generated_model(job.inputs["codegen"])
    board = folders.first("npu", job.variant.firmware.boards)
    project = render_project(board.name, generated, release_settings(job), npu=network)
    tree.write_tree(job.out / NPU_PROJECT, project)
    core_dir = job.variant.npu.core_dir
    npu = folders.require(board.npu, board, "npu")
    sources = vendor.find(npu, None if core_dir is None else job.release.resolve(core_dir))
    with tempfile.TemporaryDirectory(prefix="birdnet-") as folder:
        built = build_npu(job.out / NPU_PROJECT, Path(folder), network, sources)
        built.keep(job.out / NPU_FIRMWARE_FOLDER)
    terms = _keep_licences(sources, network, job.out / NPU_LICENCES)
    document = NpuFirmwareDocument(
        model=npu_digest(generated, network),
        components=tuple(
            LinkedComponent(name=one.name, version=one.version, licence=one.licence, terms=terms[one.name])
            for one in sources.components
        ),
        weights=StoredWeights(address=network.weights_address, size_bytes=len(network.weights)),
        regions=built.memory.regions,
        sections=built.memory.sections,
    )
    write_document(document, job.out)
    return Outcome(summary=f"{board.name} with its NPU (fullest memory {document.fullest_percent:.0f}%)")


def network_of(compilation: Compilation) -> NpuNetwork:
    """Return the parts of a compilation that the firmware needs."""
    return NpuNetwork(
        symbol=compilation.symbol,
        has_stai=compilation.has_stai,
        runtime_version=compilation.runtime_version,
        inputs=tuple(_port(port) for port in compilation.inputs),
        outputs=tuple(_port(port) for port in compilation.outputs),
        memories=tuple(
            NpuMemory(
                name=pool.name,
                address=pool.address,
                size_bytes=pool.size_bytes,
                npu_cached=pool.npu_cached,
            )
            for pool in compilation.pools
            if pool.used_bytes > 0
            and pool.name != FLASH_POOL
            and pool.address is not None
            and pool.size_bytes is not None
        ),
        uses_hyperram=compilation.used_bytes(HYPERRAM_POOL) > 0,
        weights_address=compilation.weights_address,
        weights=compilation.files[compilation.weights_file],
        files={
            name: content
            for name, content in compilation.files.items()
            if name in compilation.sources or name.startswith("LICENSE")
        },
        blobs=tuple(
            NpuBlob(name=blob.name, size_bytes=blob.size_bytes, ram_bytes=blob.ram_bytes)
            for blob in compilation.blobs
        ),
        cycles=compilation.cycles,
    )


def _port(port: NetworkBuffer) -> NpuPort:
    return NpuPort(dtype=port.dtype, size_bytes=port.size_bytes, scale=port.scale, zero_point=port.zero_point)


def _keep_licences(sources: vendor.Vendor, network: NpuNetwork, folder: Path) -> dict[str, str | None]:
    """Write the list of linked parts and their licences; return the file of each licence, by the part's name.

    If no licence is beside the runtime, the licence that ST's tool wrote with the network is taken: both are
    the same.
    """
    folder.mkdir()
    (folder / "COMPONENTS.txt").write_text(vendor.licence_list(sources), encoding="utf-8")
    with_network = next(
        (network.files[name] for name in sorted(network.files) if name.startswith("LICENSE")), None
    )
    kept: dict[str, str | None] = {}
    for component in sources.components:
        name = component.name.replace(" ", "_")
        kept[component.name] = None
        if component.terms is not None:
            kept[component.name] = f"{name}{component.terms.suffix or '.txt'}"
            shutil.copyfile(component.terms, folder / f"{name}{component.terms.suffix or '.txt'}")
        elif component.licence.startswith("SLA") and with_network is not None:
            kept[component.name] = f"{name}.txt"
            (folder / f"{name}.txt").write_bytes(with_network)
    return kept
