"""Trains on all folds of a cross-validation but one, and scores that one; publishes ``scores.npz``.

The model of a fold is thrown away. It shows how good a model is that was made in this way from other
recordings. The fold after the scored one chooses the epoch.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.audio.splits.recording_split import TEST, TRAIN, VALIDATION
from birdnet_stm32.audio.windows.window_positions import spread_positions
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.evaluate.score import float_scorer, int8_scorer, score_windows
from birdnet_stm32.model.training.devices import find_machines
from birdnet_stm32.progress import track
from birdnet_stm32.quant.recipes import RecipeSettings, make_candidate
from birdnet_stm32.stages.inputs.file_names import FOLD_SCORES
from birdnet_stm32.stages.inputs.float_model import contract_to_train, start_contract
from birdnet_stm32.stages.inputs.start import load_start
from birdnet_stm32.stages.inputs.teacher import open_teaching, with_choice
from birdnet_stm32.stages.inputs.training import train_on
from birdnet_stm32.stages.inputs.windows import classes_to_train, open_window_set
from birdnet_stm32.stages.train import keeping_of, log_folder
from birdnet_stm32.terminal_text import counted

CALIBRATION_WINDOWS = 512


def run(job: Job) -> Outcome:
    """Train, quantize by the recipe ptq, and score the windows of one fold by both models."""
    find_machines(job.variant.run.devices)
    stored = open_window_set(job.inputs["windows"])
    everything = with_choice(job, stored)
    windows = split_for_fold(everything, int(job.part), job.variant.evaluate.folds or 0)
    contract = contract_to_train(job.variant.model, classes_to_train(everything), start_contract(job))
    trained = train_on(
        windows,
        contract,
        job.variant.train,
        job.variant.augment,
        open_teaching(job, stored),
        load_start(job),
        keeping_of(job),
        run=job.variant.run,
        log_folder=log_folder(job),
    )
    training, scored = windows.in_split(TRAIN), windows.in_split(TEST)
    calibration = training[spread_positions(len(training), CALIBRATION_WINDOWS)]
    candidate = make_candidate("ptq", trained.model, contract, calibration, calibration[:0], RecipeSettings())
    classes = len(contract.labels)
    with track("score in float") as report:
        floats = score_windows(scored, float_scorer(trained.model, contract), classes, report)
    with track("score in int8") as report:
        quantized = score_windows(scored, int8_scorer(candidate.tflite, candidate.contract), classes, report)
    np.savez(job.out / FOLD_SCORES, float=floats, int8=quantized)
    return Outcome(summary=f"{counted(len(scored), 'window')} scored, {trained.sentence}")


def split_for_fold(windows: WindowSet, fold: int, folds: int) -> WindowSet:
    """Return the windows with the splits that they have where one fold is scored.

    Args:
        windows: the windows of all recordings, each of which has a fold.
        fold: the fold to score, from 1.
        folds: the number of folds.
    """
    split_of = dict.fromkeys(range(1, folds + 1), TRAIN) | {fold % folds + 1: VALIDATION, fold: TEST}
    recordings = tuple(replace(one, split=split_of[one.fold]) for one in windows.recordings)
    return replace(windows, recordings=recordings)
