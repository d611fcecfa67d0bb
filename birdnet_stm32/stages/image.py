"""Packs the firmware with its boot header; publishes one Intel HEX file for each part of the flash."""

from __future__ import annotations

from birdnet_stm32.boards import folders
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.files import tree
from birdnet_stm32.files.document import read_document
from birdnet_stm32.firmware.flash_layout import flash_map
from birdnet_stm32.firmware.flash_plan import release_files
from birdnet_stm32.firmware.head_in_elf import head_in_elf
from birdnet_stm32.firmware.image import boot_image
from birdnet_stm32.firmware.model_digests import ModelsDocument
from birdnet_stm32.firmware.npu_description import NpuFirmwareDocument
from birdnet_stm32.npu.stedgeai.compilation import load_compilation
from birdnet_stm32.stages.inputs.file_names import (
    NPU_FIRMWARE_FOLDER,
    NPU_FOLDER,
)


def run(job: Job) -> Outcome:
    """Build the image of the application, and that of the weights if the NPU reads them from the flash.

    The portable backend keeps the weights inside the application, but for a head of its own.
    """
    for_npu = "npu_firmware" in job.inputs
    board = folders.first("flash", job.variant.firmware.boards)
    flash = folders.require(board.flash, board, "flash")
    payload, model = _npu_application(job) if for_npu else _application(job, board.name)
    image = boot_image(payload, version=job.variant.firmware.header_version)
    slots, contents = flash_map(flash), {"application": image}
    if for_npu:
        compilation = load_compilation(job.inputs["npu"] / NPU_FOLDER)
        slots = flash_map(flash, compilation.weights_address)
        contents = {"weights": compilation.files[compilation.weights_file]} | contents
    elif (head := head_in_elf(job.inputs["compile"] / board.name / "firmware.elf")) is not None:
        slots, contents = flash_map(flash, has_head=True), {"head": head} | contents
    (job.out / "application.bin").write_bytes(image)
    release = job.variant.variant
    files = release_files(contents, slots, title=release.title, version=release.version, model=model)
    tree.write_tree(job.out, files)
    return Outcome(
        summary=f"application, {len(image):,} bytes at 0x{slots['application'].address:08X}",
        measures={"bytes": len(image)},
    )


def _application(job: Job, board: str) -> tuple[bytes, str]:
    """Return the firmware, and the digest of its model that it prints."""
    digests = read_document(ModelsDocument, job.inputs["compile"]).boards
    return (job.inputs["compile"] / board / "firmware.bin").read_bytes(), digests[board]


def _npu_application(job: Job) -> tuple[bytes, str]:
    """Return the firmware whose network the NPU computes, and the digest of its model that it prints."""
    folder = job.inputs["npu_firmware"]
    described = read_document(NpuFirmwareDocument, folder)
    return (folder / NPU_FIRMWARE_FOLDER / "firmware.bin").read_bytes(), described.model
