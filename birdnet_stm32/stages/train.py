"""Trains the float model; publishes it, its configuration, its labels and ``history.json``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from birdnet_stm32 import store
from birdnet_stm32.audio import split
from birdnet_stm32.audio.index import IndexRow
from birdnet_stm32.audio.representative import Windows, split_windows
from birdnet_stm32.frontend.contract import FrontendSpec
from birdnet_stm32.model import checkpoint, dataset, fit
from birdnet_stm32.progress import track
from birdnet_stm32.stage import Job, Outcome
from birdnet_stm32.stages.index import read_index
from birdnet_stm32.stages.models import MODEL, contract_to_train, write_contract
from birdnet_stm32.stages.recordings import root_of


def run(job: Job) -> Outcome:
    """Train on the recordings of the training split; the best epoch is that of the validation split."""
    rows = read_index(job.inputs["index"])
    labels = tuple(sorted({row.label for row in rows if row.usable and not row.background}))
    contract = contract_to_train(job.variant.model, labels)
    training = _windows(job, rows, split.TRAIN, contract.frontend)
    validation = _windows(job, rows, split.VALIDATION, contract.frontend)
    settings = job.variant.train
    with track("epochs") as report:
        trained = fit.train(
            contract,
            training.pcm,
            _targets(training, labels),
            validation.pcm,
            _targets(validation, labels),
            fit.FitSettings(
                epochs=settings.epochs,
                learning_rate=settings.learning_rate,
                batch_size=settings.batch_size,
                seed=settings.seed,
            ),
            on_epoch=lambda epoch: report(epoch.epoch, settings.epochs),
        )
    checkpoint.save(trained.model, job.out / MODEL)
    write_contract(contract, job.out)
    history = {
        "best_epoch": trained.best_epoch,
        "training_windows": len(training.pcm),
        "validation_windows": len(validation.pcm),
        "epochs": [asdict(epoch) for epoch in trained.history],
    }
    (job.out / "history.json").write_text(store.canonical_json(history), encoding="utf-8")
    best = trained.history[trained.best_epoch - 1]
    return Outcome(
        summary=f"{trained.model.count_params():,} parameters, {len(training.pcm)} windows, best epoch "
        f"{trained.best_epoch}: {100 * best.validation_accuracy:.0f}% of validation windows right",
    )


def _windows(job: Job, rows: Sequence[IndexRow], part: str, spec: FrontendSpec) -> Windows:
    with track(f"decode {part}") as report:
        return split_windows(
            rows,
            root_of(job.release),
            part=part,
            sample_rate_hz=spec.sample_rate_hz,
            window_samples=spec.window_samples,
            hop_samples=spec.window_hop_samples,
            report=report,
        )


def _targets(windows: Windows, labels: tuple[str, ...]) -> dataset.Floats:
    classes = [dataset.BACKGROUND if row.background else labels.index(row.label) for row in windows.rows]
    return dataset.one_hot(classes, len(labels))
