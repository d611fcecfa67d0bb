"""Trains the float model; publishes it, its configuration, its labels and ``history.json``.

``model_learned_from.tsv`` lists the recordings of both splits by digest, for a later evaluation of the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from birdnet_stm32.audio.index.learned_from import learned_from, learned_from_text
from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.splits import recording_split
from birdnet_stm32.audio.windows.cut_windows import CutWindows, split_windows
from birdnet_stm32.config.training_tables import TrainTable
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.files.document import write_document
from birdnet_stm32.frontend.contract import FrontendSpec, ModelContract
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.model.training import dataset, fit
from birdnet_stm32.model.training.history import HistoryDocument
from birdnet_stm32.progress import track
from birdnet_stm32.stages.inputs.file_names import FLOAT_MODEL, LEARNED_FROM
from birdnet_stm32.stages.inputs.float_model import contract_to_train, write_contract
from birdnet_stm32.stages.inputs.index import read_index
from birdnet_stm32.stages.inputs.recordings import recordings_root
from birdnet_stm32.terminal_text import counted


def run(job: Job) -> Outcome:
    """Train on the recordings of the training split; the validation split chooses the best epoch."""
    rows = read_index(job.inputs["index"])
    contract = contract_to_train(job.variant.model, classes_to_train(rows))
    trained = train_on(rows, recordings_root(job.release), contract, job.variant.train)
    checkpoint.save(trained.model, job.out / FLOAT_MODEL)
    write_contract(contract, job.out)
    (job.out / LEARNED_FROM).write_text(learned_from_text(learned_from(rows)), encoding="utf-8")
    write_document(training_history(trained), job.out)
    return Outcome(summary=f"{counted(trained.model.count_params(), 'parameter')}, {trained.sentence}")


def classes_to_train(rows: Sequence[IndexRow]) -> tuple[str, ...]:
    """Return the classes to train on, sorted; background is not a class."""
    return tuple(sorted({row.label for row in rows if row.usable and not row.background}))


def train_on(
    rows: Sequence[IndexRow], root: Path, contract: ModelContract, settings: TrainTable
) -> fit.Trained:
    """Train a model on indexed recordings, showing progress."""
    training = _windows(rows, root, recording_split.TRAIN, contract.frontend)
    validation = _windows(rows, root, recording_split.VALIDATION, contract.frontend)
    with track("epochs") as report:
        return fit.train(
            contract,
            training.pcm,
            dataset.window_targets(training.rows, contract.labels),
            validation.pcm,
            dataset.window_targets(validation.rows, contract.labels),
            fit.FitSettings(
                epochs=settings.epochs,
                learning_rate=settings.learning_rate,
                batch_size=settings.batch_size,
                seed=settings.seed,
            ),
            on_epoch=lambda epoch: report(epoch.epoch, settings.epochs),
        )


def training_history(trained: fit.Trained) -> HistoryDocument:
    """Return the course of a training."""
    return HistoryDocument(best_epoch=trained.best_epoch, epochs=trained.history)


def _windows(rows: Sequence[IndexRow], root: Path, part: str, spec: FrontendSpec) -> CutWindows:
    with track(f"decode {part}") as report:
        return split_windows(rows, root, part, spec.window_shape, report=report)
