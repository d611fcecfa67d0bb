"""Says why a stage of the pipeline would run, or that it is up to date."""

from __future__ import annotations

import argparse
from pathlib import Path

from birdnet_stm32.commands import built
from birdnet_stm32.commands.files import say, write_json
from birdnet_stm32.errors import InputError
from birdnet_stm32.stage import load_release, reasons_to_run
from birdnet_stm32.stages.catalog import BY_NAME, folders_needed, stages_of

EXAMPLE = "birdnet-stm32 why demo            # every stage\n  birdnet-stm32 why convert:demo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("target", metavar="[STAGE:]VARIANT[/RECIPE]")
    built.add_places(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="the reasons by stage")


def run(options: argparse.Namespace) -> None:
    """Explain one stage or all of a variant's."""
    name, _, rest = options.target.rpartition(":")
    variant, _, part = rest.partition("/")
    if name and name not in BY_NAME:
        raise InputError(f"there is no stage {name!r}", expected="one of " + ", ".join(BY_NAME))
    release = load_release(variant, options.variants, options.build)
    chosen = [
        stage for stage in stages_of(release.variant) if name in ("", stage.name) and part in ("", stage.part)
    ]
    if not chosen:
        raise InputError(f"{release.name} has no stage {options.target}", where=release.path)
    reasons = {stage: reasons_to_run(stage, release, folders_needed(stage, release)) for stage in chosen}
    for stage, why in reasons.items():
        say(f"{stage.task(variant)}: {'; '.join(why) or 'up to date'}", options.json)
    write_json(options.json, {stage.key: why for stage, why in reasons.items()})
