"""The ``config.json`` or ``config.toml`` of ``deploy`` in the 0.9 line, and its environment variables."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from birdnet_stm32.config.config_table import ConfigTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.json_file import read_json_object
from birdnet_stm32.files.toml_file import read_toml
from birdnet_stm32.files.value_errors import ValueProblem, first_problem, shown_value

VARIABLES = {
    "X_CUBE_AI_PATH": "x_cube_ai_path",
    "STEDGEAI_PATH": "stedgeai_path",
    "CUBEIDE_PATH": "cubeide_path",
    "ARM_TOOLCHAIN_PATH": "arm_toolchain_path",
    "BIRDNET_MODEL_PATH": "model_path",
}
_TOML_TABLES = ("deploy", "build")


class LegacyConfig(ConfigTable):
    """The paths that ``deploy`` of the 0.9 line was given. An empty text counts as missing."""

    x_cube_ai_path: str = ""
    """Folder of one version of X-CUBE-AI or ST Edge AI Core."""
    stedgeai_path: str = ""
    """Path of the program ``stedgeai``, instead of the folder."""
    model_path: str = "checkpoints/best_model_quantized.tflite"
    """The int8 model, with its ``*_model_config.json`` beside it."""
    output_dir: str = "validation/st_ai_output"
    """Folder for ST's generated files, the firmware and its images."""
    workspace_dir: str = "validation/st_ai_ws"
    """Folder for the logs."""
    n6_loader_config: str = "config_n6l.json"
    """Configuration of ST's n6_loader.py, which loads ST's validation firmware. Without it, that step is
    skipped."""
    cubeide_path: str = ""
    """Folder of STM32CubeIDE, which contains a programmer."""
    arm_toolchain_path: str = ""
    """Folder of arm-none-eabi-gcc, or the folder above its ``bin``."""
    compiler_type: str = "gcc"
    """Only ``gcc`` is supported."""
    n6_loader: Mapping[str, Any] = {}
    """The table ``[n6_loader]`` of a ``config.toml``, instead of the file."""


def read_legacy_config(
    path: Path | None, options: Mapping[str, str | None], environment: Mapping[str, str]
) -> LegacyConfig:
    """Return the configuration.

    Options win over environment variables, these over the file, and the file over defaults.

    Args:
        path: a ``.json`` or ``.toml`` file, or None.
        options: command line options by key; None if an option was not given.
        environment: the environment variables.

    Raises:
        InputError: the file cannot be read, or contains an unknown key.
    """
    found = {} if path is None else _file(path)
    found |= {key: environment[name] for name, key in VARIABLES.items() if environment.get(name)}
    found |= {key: value for key, value in options.items() if value}
    try:
        config = LegacyConfig(**{key: value for key, value in found.items() if value != ""})
    except ValidationError as error:
        raise _explain(first_problem(error, {}), path) from error
    if config.compiler_type != "gcc":
        raise InputError(
            f"compiler_type is {config.compiler_type!r}",
            where=path,
            expected="gcc",
            remedy="leave the key out, and name the toolchain with arm_toolchain_path",
        )
    return config


def _file(path: Path) -> dict[str, Any]:
    if path.suffix != ".toml":
        return read_json_object(path)
    fields, _ = read_toml(path)
    flat: dict[str, Any] = {}
    for name in _TOML_TABLES:
        table = fields.pop(name, {})
        if not isinstance(table, dict):
            raise InputError(f"{name} is {shown_value(table)}", where=path, expected=f"a table, [{name}]")
        flat |= table
    return {**flat, **fields}


def _explain(problem: ValueProblem, path: Path | None) -> InputError:
    known = list(LegacyConfig.model_fields)
    if problem.kind == "extra_forbidden":
        close = difflib.get_close_matches(problem.key, known, n=1)
        return InputError(
            f"{problem.key} is not a known key",
            where=path,
            expected="one of " + ", ".join(known),
            remedy=f"did you mean {close[0]}?" if close else (),
        )
    return InputError(f"{problem.key} is {problem.value}", where=path, expected=problem.expected)
