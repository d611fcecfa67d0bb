"""Write a float model with all files that belong beside it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from birdnet_stm32.audio.index.learned_from_name import LEARNED_FROM_SUFFIX, TEACHER_SUFFIX
from birdnet_stm32.commands.shared.model_files import LABELS_SUFFIX, files_beside_model
from birdnet_stm32.commands.shared.outputs import Writer
from birdnet_stm32.files.document import document_text
from birdnet_stm32.frontend.config_names import CONFIG_SUFFIXES
from birdnet_stm32.frontend.contract import ModelContract

if TYPE_CHECKING:
    from birdnet_stm32.model.teacher.teacher_document import TeacherDocument


def model_file_names(path: Path) -> tuple[str, ...]:
    """Return the names of the files that may be written beside a model."""
    suffixes = (CONFIG_SUFFIXES[0], LABELS_SUFFIX, LEARNED_FROM_SUFFIX, TEACHER_SUFFIX)
    return tuple(path.stem + suffix for suffix in suffixes)


def write_trained_model(
    model: Any,
    contract: ModelContract,
    path: Path,
    writer: Writer,
    learned: Mapping[str, str] | None,
    teachers: tuple[TeacherDocument, ...],
) -> None:
    """Write a checkpoint, its configuration and labels, and from what it learned.

    Args:
        model: the network.
        contract: its contract.
        path: the ``.keras`` file.
        writer: writes the files.
        learned: the recordings that it learned from; None if nobody knows them.
        teachers: the models that it learned from.

    Raises:
        InputError: a file cannot be written.
    """
    # These load TensorFlow, which takes seconds. --help and wrong options do not need it.
    from birdnet_stm32.model.checkpoints import checkpoint
    from birdnet_stm32.model.teacher.teacher_document import TeachersDocument

    with tempfile.TemporaryDirectory() as work:
        saved = Path(work) / path.name
        checkpoint.save(model, saved)
        beside = files_beside_model(path, contract, learned)
        described = path.stem + TEACHER_SUFFIX
        if teachers:
            beside[described] = document_text(TeachersDocument(teachers=teachers)).encode()
        writer.write_model(path, saved.read_bytes(), beside, removes=(described,))
