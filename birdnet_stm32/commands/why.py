"""Says what doit would do with each stage of the pipeline, and why. It runs and writes nothing.

A stage that has a reason of its own will run. A later stage "runs if" the outputs of an earlier one change.
If they come out the same, it does not run.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from birdnet_stm32.commands.shared import variant_option
from birdnet_stm32.commands.shared.messages import print_message
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.engine.release import load_release
from birdnet_stm32.errors import InputError
from birdnet_stm32.spelling import did_you_mean
from birdnet_stm32.stages.catalog import BY_NAME, stages_of
from birdnet_stm32.tasks.plan import plan_stages

EXAMPLE = "birdnet-stm32 why demo            # every stage\n  birdnet-stm32 why convert:demo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("target", metavar="[STAGE:]VARIANT[/RECIPE]")
    variant_option.add_build_folders(parser)
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the reasons for each stage to this file"
    )


def run(options: argparse.Namespace) -> None:
    """Explain one stage, or all stages of a variant."""
    writer_of(options).check(options.json)
    name, _, rest = options.target.rpartition(":")
    variant, _, part = rest.partition("/")
    if name and name not in BY_NAME:
        raise InputError(
            f"there is no stage {name!r}",
            expected="one of " + ", ".join(BY_NAME),
            remedy=did_you_mean(name, BY_NAME) or (),
        )
    release = load_release(variant, options.variants, options.build)
    chosen = [
        stage for stage in stages_of(release.variant) if name in ("", stage.name) and part in ("", stage.part)
    ]
    if not chosen:
        raise InputError(f"{release.name} has no stage {options.target}", where=release.path)
    steps = [step for step in plan_stages(release) if step.stage in chosen]
    for step in steps:
        said = "; ".join(step.reasons) or step.state.value
        print_message(f"{step.stage.task(variant)}: {said}", options.json)
    writer_of(options).write_json(options.json, {step.stage.key: list(step.reasons) for step in steps})
