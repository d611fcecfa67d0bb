"""What a stopped training has come to, in a folder beside its checkpoint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.commands.shared.messages import print_warning
from birdnet_stm32.engine import code_digest
from birdnet_stm32.errors import InputError
from birdnet_stm32.model.training.kept_state import Keeping, forget, states_in
from birdnet_stm32.model.training.stopping import StoppedError
from birdnet_stm32.paths import PACKAGE

SUFFIX = "_training_state"


def folder_of(checkpoint: Path) -> Path:
    """Return the folder that keeps what the training of a checkpoint has come to."""
    return checkpoint.with_name(checkpoint.stem + SUFFIX)


def check(checkpoint: Path, *, resume: bool, overwrite: bool) -> None:
    """Look, before a training, for what an earlier one has come to.

    Args:
        checkpoint: the checkpoint that will be written.
        resume: whether the user wants to go on.
        overwrite: whether the user wants to begin anew, if not to go on.

    Raises:
        InputError: there is something, and the user did not say what to do with it.
    """
    folder = folder_of(checkpoint)
    if not states_in(folder):
        if resume:
            print_warning(f"{folder}: no training was stopped here, so it begins")
    elif overwrite and not resume:
        forget(folder)
    elif not resume:
        raise InputError(
            "holds what a stopped training has come to",
            where=folder,
            expected="a word on whether to go on with it",
            remedy=("--resume: go on", "--overwrite: begin anew"),
        )


def keeping(checkpoint: Path, windows: WindowSet, *, taught_by: str) -> Keeping:
    """Return where the training of a checkpoint keeps what it has come to, and what it learns from.

    Args:
        checkpoint: the checkpoint that will be written.
        windows: the windows of all splits.
        taught_by: what tells teachers, and the model that the training starts from, from others.
    """
    module = PACKAGE / "stages" / "train.py"
    whole = hashlib.sha256(json.dumps(code_digest.library_versions(module), sort_keys=True).encode())
    whole.update(code_digest.stage_code_digest(module, ()).encode())
    whole.update(taught_by.encode())
    for recording in windows.recordings:
        whole.update(f"{recording.digest} {recording.split} {recording.channel}\n".encode())
    whole.update(repr(windows.label_sets).encode())
    for column in (windows.recording_of, windows.start_sample, windows.label_set, windows.chosen):
        whole.update(column.tobytes())
    return Keeping(folder=folder_of(checkpoint), identity=whole.hexdigest(), say=print_warning)


@contextmanager
def says_how_to_go_on() -> Iterator[None]:
    """Add to the text of a training that a user stops how it goes on."""
    try:
        yield
    except StoppedError as stopped:
        raise StoppedError(f"{stopped}; the same command with --resume goes on from there") from None
