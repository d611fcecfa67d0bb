"""Train a model from windows and the tables of a variant, for the stages and the command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.audio.splits import recording_split
from birdnet_stm32.audio.windows.window_positions import spread_positions
from birdnet_stm32.config.augment_table import AugmentTable
from birdnet_stm32.config.run_table import RunTable
from birdnet_stm32.config.training_tables import TrainTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.evaluate.calibration import Calibration, fit_platt, fit_temperature
from birdnet_stm32.evaluate.recording_ranking import recording_cmap, recording_truths
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.model.teacher.teaching import Teaching
from birdnet_stm32.model.training import fit
from birdnet_stm32.model.training.augment import Augmentation
from birdnet_stm32.model.training.balance import Balance
from birdnet_stm32.model.training.best_epoch import SelectedBy
from birdnet_stm32.model.training.calibrated_outputs import calibrate_outputs
from birdnet_stm32.model.training.examples import Examples, labelled
from birdnet_stm32.model.training.history import EpochReport, HistoryDocument
from birdnet_stm32.model.training.judge import Judge
from birdnet_stm32.model.training.kept_state import Keeping
from birdnet_stm32.model.training.predict import predict
from birdnet_stm32.model.training.speed import Speed, SpeedDocument
from birdnet_stm32.model.training.student import Student, new_student
from birdnet_stm32.model.training.tensorboard_log import tensorboard_log
from birdnet_stm32.progress import track
from birdnet_stm32.stages.inputs.start import LoadedStart, begin_with
from birdnet_stm32.stages.inputs.training_progress import TrainingProgress

Floats = NDArray[np.float32]

NO_RANKING = "; chosen by validation loss, since no class is in some validation recordings and not in others"
MOST_CALIBRATING = 20_000  # windows whose outputs are in memory at a time


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """A trained network and how it came about.

    Args:
        model: the network; its outputs are logits.
        history: the course of the training.
        sentence: how good it is on the validation windows.
        speed: how long the training took.
        held_out_scores: probabilities of the validation windows by the network of the best epoch, before it
            learned from them too, float32 ``[windows, classes]``; None if it did not.
    """

    model: Any
    history: HistoryDocument
    sentence: str
    speed: SpeedDocument
    held_out_scores: Floats | None = None


def train_on(
    windows: WindowSet,
    contract: ModelContract,
    settings: TrainTable,
    augment: AugmentTable,
    teaching: Teaching | None = None,
    start: LoadedStart | None = None,
    keeping: Keeping | None = None,
    *,
    run: RunTable,
    log_folder: Path | None = None,
) -> TrainedModel:
    """Train a model, showing progress.

    Args:
        windows: the windows of the training split and of the validation split; others are not looked at.
        contract: the network to build.
        settings: how to train.
        augment: how windows are changed for it.
        teaching: what a teacher says of the windows; None without one.
        start: the network to start from; None from scratch.
        keeping: where the training keeps what it has come to, and goes on from; None to keep nothing.
        run: on what, and how fast, it is trained.
        log_folder: folder of the log for TensorBoard; None for no log.

    Raises:
        InputError: a split is empty, or a device is not there.
    """
    learnable = windows.where(windows.chosen)
    training, validation = (
        learnable.in_split(recording_split.TRAIN),
        windows.in_split(recording_split.VALIDATION),
    )
    for split, part in ((recording_split.TRAIN, training), (recording_split.VALIDATION, validation)):
        if not len(part):
            raise InputError(f"no recording in the split {split}", where="[index]", remedy="add recordings")
    how = _fit_settings(settings, augment, teaching, run)
    log = tensorboard_log(log_folder)
    learned = _examples(training, contract, teaching)
    judged = labelled(validation, validation.targets(contract.labels))
    judge = _judge(validation, contract)
    beginning = None
    if start is not None:
        beginning = begin_with(start, contract, settings, learned, judged, judge, validation.chosen)

    def make() -> Student:
        return new_student(contract, settings.seed) if beginning is None else beginning.student()

    if beginning is not None and settings.only_probes:
        trained: fit.Trained | _Probed = _Probed(
            model=make().model,
            sentence=beginning.sentence,
            selected_by=SelectedBy(beginning.report.probe_chosen_by),
        )
    else:
        with track("epochs") as report:
            shown = TrainingProgress(report, settings.epochs)

            def on_epoch(epoch: EpochReport, speed: Speed) -> None:
                shown.on_epoch(epoch, speed)
                log(epoch, speed)

            trained = fit.train(
                make,
                contract,
                learned,
                judged,
                how,
                on_epoch=on_epoch,
                on_step=shown.on_step,
                judge=judge,
                keeping=keeping,
            )
    everything = windows.in_split(recording_split.TRAIN, recording_split.VALIDATION)
    known = everything.where(everything.chosen) if settings.refit else training
    learned_of = everything if settings.refit else windows.in_split(recording_split.TRAIN)
    refitted = None
    if settings.refit:
        again = make if beginning is None else beginning.refit_student
        refitted = _refit(
            _examples(known, contract, teaching), contract, how, trained.best_epoch, again, keeping
        )
    model = refitted.model if refitted else trained.model
    calibration = _calibration(trained.model, validation, contract, settings.calibrate)
    held_out = None
    if refitted:
        logits = predict(trained.model, validation, contract)
        found = probabilities(logits, contract) if calibration is None else calibration.probabilities(logits)
        held_out = found.astype(np.float32)
    if calibration is not None:
        calibrate_outputs(model, calibration.scale, calibration.offset)
    return TrainedModel(
        model=model,
        history=HistoryDocument(
            best_epoch=trained.best_epoch,
            epochs=trained.history,
            refitted=settings.refit,
            refit_losses=refitted.losses if refitted else (),
            training_windows=len(known),
            left_out_windows=len(learned_of) - len(known),
            calibration=settings.calibrate,
            selected_by=trained.selected_by.value,
            start=None if beginning is None else beginning.report,
            logit_scale=() if calibration is None else tuple(calibration.scale.tolist()),
            logit_offset=() if calibration is None else tuple(calibration.offset.tolist()),
        ),
        sentence=trained.sentence
        + (NO_RANKING if trained.selected_by.value != settings.select_epoch else "")
        + ("; then trained on the validation windows too" if refitted else ""),
        speed=SpeedDocument(
            devices=run.devices,
            workers=run.workers,
            precision=run.precision,
            jit=run.jit,
            epochs=trained.speeds,
        ),
        held_out_scores=held_out,
    )


def _judge(validation: WindowSet, contract: ModelContract) -> Judge | None:
    """Return the judge of the validation recordings; None if no class tells some of them from others."""
    _, recordings = np.unique(validation.recording_of, return_inverse=True)
    measure = recording_cmap(recording_truths(validation.targets(contract.labels), recordings))
    return None if measure is None else Judge(recording_of=recordings.astype(np.int64), measure=measure)


def _examples(windows: WindowSet, contract: ModelContract, teaching: Teaching | None) -> Examples:
    """Return what is learned from: windows with their labels, or also with what a teacher says of them."""
    if teaching is None:
        return labelled(windows, windows.targets(contract.labels))
    return teaching.examples(windows, contract.labels)


@dataclass(frozen=True, kw_only=True)
class _Probed:
    """A network whose head is a linear probe, with no epoch of training."""

    model: Any
    sentence: str
    selected_by: SelectedBy
    history: tuple[EpochReport, ...] = ()
    best_epoch: int = 0
    speeds: tuple[Speed, ...] = ()


def _refit(
    examples: Examples,
    contract: ModelContract,
    how: fit.FitSettings,
    epochs: int,
    make: fit.Make,
    keeping: Keeping | None,
) -> fit.Refitted:
    """Train anew. After no epoch, the network is the one that a training begins with."""
    if not epochs:
        return fit.Refitted(model=make().model, losses=())
    with track("epochs on all windows") as report:
        shown = TrainingProgress(report, epochs)
        return fit.refit(
            make,
            contract,
            examples,
            how,
            epochs=epochs,
            on_epoch=shown.on_refit_epoch,
            on_step=shown.on_step,
            keeping=keeping,
        )


def _calibration(model: Any, validation: WindowSet, contract: ModelContract, kind: str) -> Calibration | None:
    """Fit a calibration to validation windows: all of them, or as many as memory allows, evenly taken."""
    if kind == "none":
        return None
    count = len(validation)
    part = np.zeros(count, bool)
    part[spread_positions(count, MOST_CALIBRATING)] = True
    windows = validation.where(part)
    targets = windows.targets(contract.labels)[:]
    logits = predict(model, windows, contract)
    fitted = fit_temperature if kind == "temperature" else fit_platt
    return fitted(logits, np.maximum(targets, 0), targets >= 0)


def _fit_settings(
    settings: TrainTable, augment: AugmentTable, teaching: Teaching | None, run: RunTable
) -> fit.FitSettings:
    return fit.FitSettings(
        epochs=settings.epochs,
        learning_rate=settings.first_learning_rate,
        batch_size=settings.batch_size,
        seed=settings.seed,
        label_smoothing=settings.label_smoothing,
        select_epoch=SelectedBy(settings.select_epoch),
        patience=settings.patience,
        average=settings.average,
        balance=Balance(
            exponent=settings.balance,
            max_windows_per_class=settings.max_windows_per_class,
            max_repeats=settings.max_repeats,
            background_share=settings.background_share,
        ),
        augmentation=Augmentation(silence=settings.silence, **augment.model_dump()),
        embedding_weight=0.0 if teaching is None else teaching.embedding_weight,
        workers=run.workers,
        devices=run.devices,
        precision=run.precision,
        jit=run.jit,
    )
