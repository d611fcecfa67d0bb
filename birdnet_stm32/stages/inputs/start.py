"""The network that a training starts from, as a stage or a command gives it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.config.training_tables import TrainTable
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.files.regular_file import sha256_of
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.model.start.begin import Beginning, StartSettings, begin
from birdnet_stm32.model.start.start_from import Start
from birdnet_stm32.model.training.examples import Examples
from birdnet_stm32.model.training.judge import Judge
from birdnet_stm32.progress import track
from birdnet_stm32.stages.inputs.file_names import START
from birdnet_stm32.stages.inputs.float_model import start_contract


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedStart:
    """A network that a training starts from, and the SHA-256 of its file."""

    start: Start
    digest: str


def load_start(job: Job) -> LoadedStart | None:
    """Return the network that the training starts from; None from scratch.

    Raises:
        InputError: the network cannot be loaded, or is not the one that its configuration describes.
    """
    contract = start_contract(job)
    return None if contract is None else load_start_file(job.files[START], contract)


def load_start_file(path: Path, contract: ModelContract) -> LoadedStart:
    """Return the network in a file, to start a training from it. Raises: InputError."""
    start = Start(model=checkpoint.load(path, contract), contract=contract)
    return LoadedStart(start=start, digest=sha256_of(path))


def start_settings(settings: TrainTable) -> StartSettings:
    """Return how a training goes on from the network that it starts from."""
    return StartSettings(
        learn=settings.learn,
        backbone_rate=settings.backbone_rate,
        probe=settings.head == "linear_probe",
        label_smoothing=settings.label_smoothing,
        seed=settings.seed,
    )


def begin_with(
    start: LoadedStart,
    contract: ModelContract,
    settings: TrainTable,
    training: Examples,
    validation: Examples,
    judge: Judge | None,
    learnable: NDArray[np.bool_],
) -> Beginning:
    """Fit the linear probe, if the variant asks for it."""
    with track("embeddings") as report:
        return begin(
            start.start,
            contract.labels,
            start_settings(settings),
            training,
            validation,
            judge=judge,
            digest=start.digest,
            refit=learnable if settings.refit else None,
            report=report,
        )
