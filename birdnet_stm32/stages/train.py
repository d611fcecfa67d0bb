"""Trains the float model; publishes it, its configuration, its labels and ``history.json``.

``model_learned_from.tsv`` lists the recordings that the model learned from by digest, for a later evaluation.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from birdnet_stm32.audio.index.learned_from import learned_from_text, with_start
from birdnet_stm32.audio.shards.window_set import ShardedRecording
from birdnet_stm32.audio.splits import recording_split
from birdnet_stm32.config.training_tables import TrainTable
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.files.document import write_document
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.model.teacher.teacher_document import TeachersDocument
from birdnet_stm32.model.training.devices import find_machines
from birdnet_stm32.model.training.kept_state import Keeping
from birdnet_stm32.stages.inputs.file_names import FLOAT_MODEL, HELD_OUT_SCORES, LEARNED_FROM
from birdnet_stm32.stages.inputs.float_model import contract_to_train, start_contract, write_contract
from birdnet_stm32.stages.inputs.learned import start_learned
from birdnet_stm32.stages.inputs.start import load_start
from birdnet_stm32.stages.inputs.teacher import open_teaching, teachers_of_training, with_choice
from birdnet_stm32.stages.inputs.training import train_on
from birdnet_stm32.stages.inputs.windows import classes_to_train, open_window_set
from birdnet_stm32.terminal_text import counted, printable


def run(job: Job) -> Outcome:
    """Train on the recordings of the training split; the validation split chooses the best epoch."""
    find_machines(job.variant.run.devices)
    stored, settings = open_window_set(job.inputs["windows"]), job.variant.train
    windows = with_choice(job, stored)
    start = load_start(job)
    contract = contract_to_train(job.variant.model, classes_to_train(windows), start_contract(job))
    teaching = open_teaching(job, stored)
    trained = train_on(
        windows,
        contract,
        settings,
        job.variant.augment,
        teaching,
        start,
        keeping_of(job),
        run=job.variant.run,
        log_folder=log_folder(job),
    )
    checkpoint.save(trained.model, job.out / FLOAT_MODEL)
    write_contract(contract, job.out)
    learned = learned_recordings(windows.recordings, settings)
    if start is not None:
        learned = with_start(learned, start_learned(job))
    (job.out / LEARNED_FROM).write_text(learned_from_text(learned), encoding="utf-8")
    write_document(trained.history, job.out)
    write_document(trained.speed, job.out)
    teachers = teachers_of_training(job)
    if teachers:
        write_document(TeachersDocument(teachers=teachers), job.out)
    if trained.held_out_scores is not None:
        np.save(job.out / HELD_OUT_SCORES, trained.held_out_scores, allow_pickle=False)
    return Outcome(summary=f"{counted(trained.model.count_params(), 'parameter')}, {trained.sentence}")


def keeping_of(job: Job) -> Keeping | None:
    """Return where the training of a job keeps what it has come to."""
    return None if job.unfinished is None else Keeping(folder=job.unfinished, identity="", say=_say)


def _say(sentence: str) -> None:
    print(f"  {printable(sentence)}", file=sys.stderr, flush=True)


def learned_recordings(recordings: Iterable[ShardedRecording], settings: TrainTable) -> Mapping[str, str]:
    """Return the use of each recording that a model learns from, by SHA-256.

    Args:
        recordings: the recordings of all splits.
        settings: how the model is trained.
    """
    used = (recording_split.TRAIN, recording_split.VALIDATION)
    return {
        one.digest: recording_split.TRAIN if settings.refit else one.split
        for one in recordings
        if one.split in used
    }


def log_folder(job: Job) -> Path | None:
    """Return the folder of the log for TensorBoard, one for each training of a variant; None for no log."""
    named = job.variant.run.tensorboard
    if named is None:
        return None
    name = f"fold-{job.part}" if job.part else "train"
    return job.release.resolve(named) / job.release.name / name
