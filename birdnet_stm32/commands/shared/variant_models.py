"""Find the models that the pipeline made for a variant."""

from __future__ import annotations

from pathlib import Path

from birdnet_stm32.commands.shared.variant_option import published_folder
from birdnet_stm32.engine.release import Release
from birdnet_stm32.stages.inputs.file_names import CONFIG, FLOAT_MODEL, MODEL


def models_of_variant(release: Release) -> tuple[list[Path], list[Path]]:
    """Return the float model and the int8 model of a variant, and their configurations.

    Raises:
        InputError: the pipeline has not published them yet.
    """
    verified = published_folder(release, "verify")
    model = release.variant.model
    if model.checkpoint is None or model.config is None:
        trained = published_folder(release, "train")
        source, config = trained / FLOAT_MODEL, trained / CONFIG
    else:
        source, config = release.resolve(model.checkpoint), release.resolve(model.config)
    return [source, verified / MODEL], [config, verified / CONFIG]
