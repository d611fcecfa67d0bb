"""The name of the configuration beside a model.

It is apart from the code that reads the file, because the list of stages needs it, which must import nothing
slow.
"""

from __future__ import annotations

from pathlib import Path

# The names of the published models, and the name beside the pipeline's model.tflite.
CONFIG_SUFFIXES = ("_model_config.json", "_config.json")


def config_beside(model: Path) -> Path:
    """Return the configuration beside a model; if there is none, the name that it should have."""
    files = [model.with_name(model.stem + suffix) for suffix in CONFIG_SUFFIXES]
    return next((path for path in files if path.is_file()), files[0])
