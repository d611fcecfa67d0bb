"""Packs the firmware with its boot header; publishes one Intel HEX for each part of the board's flash."""

from __future__ import annotations

from birdnet_stm32 import store
from birdnet_stm32.firmware.flash import flash_files, flash_map
from birdnet_stm32.firmware.flash_plan import PLAN, make_plan, to_json
from birdnet_stm32.firmware.image import boot_image
from birdnet_stm32.stage import Job, Outcome
from birdnet_stm32.stages.layout import IMAGE_BOARD, MODEL_DIGESTS


def run(job: Job) -> Outcome:
    """Build the application's image; the portable backend keeps the weights inside it."""
    payload = (job.inputs["compile"] / IMAGE_BOARD / "firmware.bin").read_bytes()
    image = boot_image(payload, version=job.variant.firmware.header_version)
    slots, contents = flash_map(), {"application": image}
    (job.out / "application.bin").write_bytes(image)
    for name, text in flash_files(contents, slots).items():
        (job.out / f"{name}.hex").write_text(text, encoding="ascii")
    plan = make_plan(
        contents,
        {name: slot.address for name, slot in slots.items()},
        title=job.variant.variant.title,
        version=job.variant.variant.version,
        model=store.load_json(job.inputs["firmware"] / MODEL_DIGESTS)[IMAGE_BOARD],
    )
    (job.out / PLAN).write_text(store.canonical_json(to_json(plan)), encoding="utf-8")
    return Outcome(
        summary=f"application, {len(image):,} bytes at 0x{slots['application'].address:08X}",
        measures={"bytes": len(image)},
    )
