"""Packs the firmware with its boot header; publishes one Intel HEX for each part of the board's flash."""

from __future__ import annotations

from birdnet_stm32 import store
from birdnet_stm32.firmware.flash import flash_files, flash_map
from birdnet_stm32.firmware.image import boot_image
from birdnet_stm32.stage import Job, Outcome
from birdnet_stm32.stages.layout import IMAGE_BOARD


def run(job: Job) -> Outcome:
    """Build the application's image; the portable backend keeps the weights inside it."""
    payload = (job.inputs["compile"] / IMAGE_BOARD / "firmware.bin").read_bytes()
    image = boot_image(payload)
    slots = flash_map()
    (job.out / "application.bin").write_bytes(image)
    for name, text in flash_files({"application": image}, slots).items():
        (job.out / f"{name}.hex").write_text(text, encoding="ascii")
    addresses = {"application": {"address": slots["application"].address, "bytes": len(image)}}
    (job.out / "flash.json").write_text(store.canonical_json(addresses), encoding="utf-8")
    return Outcome(
        summary=f"application, {len(image):,} bytes at 0x{slots['application'].address:08X}",
        measures={"bytes": len(image)},
    )
