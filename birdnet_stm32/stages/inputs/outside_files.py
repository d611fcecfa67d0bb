"""The files outside the build that stages read, by what they are: checkpoints, teachers, tools, boards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from birdnet_stm32.audio.index.learned_from_name import LEARNED_FROM_SUFFIX, TEACHER_SUFFIX
from birdnet_stm32.boards import folders
from birdnet_stm32.config.variant import Variant
from birdnet_stm32.engine.release import Release
from birdnet_stm32.errors import ToolError
from birdnet_stm32.firmware import vendor
from birdnet_stm32.frontend.config_names import config_beside
from birdnet_stm32.npu.stedgeai import tool
from birdnet_stm32.stages.inputs.file_names import (
    START,
    START_CONFIG,
    START_LEARNED,
    START_TEACHERS,
    TEACHERS,
)


def trains(variant: Variant) -> bool:
    """Return whether the model is trained here, and not given."""
    return variant.model.checkpoint is None


def checkpoint_files(release: Release) -> dict[str, Path]:
    """Return the checkpoint, its configuration and its labels, as far as the variant names them."""
    model = release.variant.model
    named = {"checkpoint": model.checkpoint, "model configuration": model.config, "label file": model.labels}
    return {what: release.resolve(path) for what, path in named.items() if path is not None}


def start_config_files(release: Release) -> dict[str, Path]:
    """Return the configuration of the model that a training starts from, if it starts from one."""
    train = release.variant.train
    if train.start is None or not trains(release.variant):
        return {}
    given = train.start_config
    beside = config_beside(release.resolve(train.start))
    return {START_CONFIG: beside if given is None else release.resolve(given)}


def start_files(release: Release) -> dict[str, Path]:
    """Return the model that a training starts from, its configuration, and what it learned from."""
    found = start_config_files(release)
    if not found or release.variant.train.start is None:
        return {}
    model = release.resolve(release.variant.train.start)
    learned = _learned_table(model, START_LEARNED) | _teachers_beside(model, START_TEACHERS)
    return {START: model, **found, **learned}


def _learned_table(model: Path, what: str) -> dict[str, Path]:
    table = model.with_name(model.stem + LEARNED_FROM_SUFFIX)
    return {what: table} if table.is_file() else {}


def learned_from_files(release: Release) -> dict[str, Path]:
    """Return the tables of the recordings that a checkpoint, or the model to start from, learned from."""
    checkpoint = release.variant.model.checkpoint
    if checkpoint is not None:
        return _learned_table(release.resolve(checkpoint), "recordings that it learned from")
    start = release.variant.train.start
    return {} if start is None else _learned_table(release.resolve(start), START_LEARNED)


def window_files(release: Release) -> dict[str, Path]:
    """Return the files that say which windows the model takes."""
    return checkpoint_files(release) | start_config_files(release)


def _teachers_beside(model: Path, what: str) -> dict[str, Path]:
    """Return the file beside a model that describes the teachers it learned from, if there is one."""
    described = model.with_name(model.stem + TEACHER_SUFFIX)
    return {what: described} if described.is_file() else {}


def checkpoint_teachers(release: Release) -> dict[str, Path]:
    """Return what describes the teachers of a checkpoint, if it had some."""
    checkpoint = release.variant.model.checkpoint
    return {} if checkpoint is None else _teachers_beside(release.resolve(checkpoint), TEACHERS)


def stedgeai_files(release: Release) -> dict[str, Path]:
    """Return the files that tell the version of ST's tool: the program, and the header of its runtime."""
    core_dir = release.variant.npu.core_dir
    try:
        found = tool.find_tool(None if core_dir is None else release.resolve(core_dir))
    except ToolError:  # the message of the stage itself says what is missing
        return {}
    header = found.runtime_header
    return {"stedgeai": found.program} | ({"ll_aton_version.h": header} if header else {})


def vendor_files(release: Release) -> dict[str, Path]:
    """Return the headers that tell the version of ST's sources."""
    core_dir = release.variant.npu.core_dir
    board = folders.first("npu", release.variant.firmware.boards)
    npu = folders.require(board.npu, board, "npu")
    try:
        return dict(vendor.find(npu, None if core_dir is None else release.resolve(core_dir)).version_headers)
    except ToolError:  # the message of the stage itself says what is missing
        return {}


def board_descriptions(*capabilities: folders.Capability) -> Callable[[Release], dict[str, Path]]:
    """Return a function that gives the descriptions of a variant's boards that have a capability."""

    def files(release: Release) -> dict[str, Path]:
        listed = release.variant.firmware.boards
        found = [board for capability in capabilities for board in folders.having(capability, listed)]
        return {f"description of {board.name}": folders.description_of(board.name) for board in found}

    return files


def teacher_files(release: Release) -> dict[str, Path]:
    """Return the files of a variant's teacher, by what they are."""
    table = release.variant.teacher
    if table is None:
        return {}
    named = {
        "teacher": table.model,
        "labels of the teacher": table.labels,
        "model configuration of the teacher": table.config,
        "cache of the teacher": table.cache,
        "table of names for the teacher": table.names,
    }
    found: dict[str, Path] = {}
    for what, path in named.items():
        if path is not None:
            found |= _files_of(what, release.resolve(path))
    return found


def _files_of(what: str, path: Path) -> dict[str, Path]:
    """Return a file, or the files in a folder, by what they are."""
    if not path.is_dir():
        return {what: path}
    inside = sorted(one for one in path.rglob("*") if one.is_file())
    return {f"{what}: {one.relative_to(path).as_posix()}": one for one in inside} or {what: path}
