"""The pipeline as doit tasks: ``doit list``, ``doit bundle:demo``, ``doit info verify:demo``.

Other folders: ``doit variants=DIR build=DIR bundle:NAME``.
"""

from pathlib import Path

from doit import get_var

from birdnet_stm32.tasks.pipeline import board_tasks, doit_config, pipeline_tasks
from birdnet_stm32.tasks.releases import load_releases

BUILD = Path(get_var("build", "build"))
VARIANTS = Path(get_var("variants", "variants"))

DOIT_CONFIG = doit_config(BUILD)


def task_pipeline():
    """Every stage of every variant, and the tasks that touch a board."""
    releases = load_releases(VARIANTS, BUILD)
    yield from pipeline_tasks(releases)
    yield from board_tasks(releases, VARIANTS)
