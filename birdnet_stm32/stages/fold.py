"""Trains on all folds of a cross-validation but one, and scores that one; publishes ``scores.npz``.

The model of a fold is thrown away: it shows how good a model is that was made in this way from other
recordings. The fold after the scored one chooses the epoch.
"""

from __future__ import annotations

import numpy as np

from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.evaluate.held_out import spread_positions
from birdnet_stm32.evaluate.score import float_scorer, int8_scorer, score_windows
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.progress import track
from birdnet_stm32.quant.recipes import RecipeSettings, make_candidate
from birdnet_stm32.stages.inputs.file_names import FOLD_SCORES
from birdnet_stm32.stages.inputs.float_model import contract_to_train
from birdnet_stm32.stages.inputs.windows import open_window_set
from birdnet_stm32.stages.train import classes_to_train, train_on
from birdnet_stm32.terminal_text import counted

CALIBRATION_WINDOWS = 512


def run(job: Job) -> Outcome:
    """Train, quantize by the recipe ptq, and score the windows of one fold by both models."""
    fold, folds = int(job.part), job.variant.evaluate.folds or 0
    windows = open_window_set(job.inputs["windows"])
    number_of = windows.folds
    next_one = fold % folds + 1
    training = windows.where((number_of != fold) & (number_of != next_one))
    validation, scored = windows.where(number_of == next_one), windows.where(number_of == fold)
    contract: ModelContract = contract_to_train(job.variant.model, classes_to_train(windows))
    trained = train_on(training, validation, contract, job.variant.train)
    calibration = training[spread_positions(len(training), CALIBRATION_WINDOWS)]
    candidate = make_candidate(
        "ptq", trained.model, contract, calibration, calibration[:0], RecipeSettings()
    )
    classes = len(contract.labels)
    with track(f"score fold {fold}") as report:
        float_scores = score_windows(scored, float_scorer(trained.model, contract), classes, report)
    with track(f"score fold {fold} in int8") as report:
        int8_scores = score_windows(scored, int8_scorer(candidate.tflite, candidate.contract), classes, report)
    np.savez(job.out / FOLD_SCORES, float=float_scores, int8=int8_scores)
    return Outcome(summary=f"{counted(len(scored), 'window')} scored, {trained.sentence}")
