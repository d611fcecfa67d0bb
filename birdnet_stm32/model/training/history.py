"""The course of a training: the values of ``history.json``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, kw_only=True)
class EpochReport:
    """The measures of one epoch.

    Args:
        epoch: number of the epoch, from 1.
        learning_rate: at the end of the epoch.
        loss: mean binary cross-entropy on the augmented training windows.
        validation_loss: the same on the validation windows.
        validation_accuracy: share of the validation windows whose strongest class is the right one. Where no
            class reaches 0.5, the strongest class is background.
        validation_cmap: mean over classes of the average precision over validation recordings; None if they
            are too few to have one, or if the epoch was not chosen by it.
    """

    epoch: int
    learning_rate: float
    loss: float
    validation_loss: float
    validation_accuracy: float
    validation_cmap: float | None = None


@dataclass(frozen=True, kw_only=True)
class StartReport:
    """From which network a training started, and how.

    Args:
        model: SHA-256 of its file.
        learn: which of its layers could change.
        known_classes: the classes that it already had.
        probe_strength: inverse strength of the regularisation of the linear probe that gave the head; None
            without one.
        probe_chosen_by: what chose the strength: the cMAP of the validation recordings, or the loss of their
            windows.
        probe_strengths: the strengths that were tried.
        probe_scores: this cMAP, or the negative loss, of each of them.
    """

    model: str
    learn: Literal["head", "last_stages", "all"]
    known_classes: tuple[str, ...]
    probe_strength: float | None = None
    probe_chosen_by: Literal["cmap", "loss"] = "cmap"
    probe_strengths: tuple[float, ...] = ()
    probe_scores: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HistoryDocument:
    """The course of a training.

    Args:
        best_epoch: number of the epoch whose weights are kept; 0 without epochs.
        epochs: every epoch, in order; with ``[train] patience`` perhaps fewer than were asked for; none if a
            linear probe is the whole training.
        refitted: whether the network was then trained anew on training and validation recordings, for
            ``best_epoch`` epochs. The validation recordings are then among those that it learned from.
        refit_losses: mean loss of each epoch of the second training; empty without one.
        training_windows: number of windows that the published network learned from; 0 if it is not known.
        left_out_windows: number of windows of its recordings that ``[windows] select`` left out.
        calibration: how the logits were calibrated by the validation windows.
        selected_by: what the best epoch was chosen by: the cMAP of the validation recordings, or the loss of
            their windows.
        logit_scale: the factor of each class's logits; empty without a calibration.
        logit_offset: what is then added to them.
        start: the network that the training started from; None from scratch.
    """

    FILE: ClassVar[str] = "history.json"
    VERSION: ClassVar[int] = 3

    best_epoch: int
    epochs: tuple[EpochReport, ...]
    refitted: bool = False
    refit_losses: tuple[float, ...] = ()
    training_windows: int = 0
    left_out_windows: int = 0
    calibration: Literal["none", "temperature", "platt"] = "none"
    selected_by: Literal["cmap", "loss"] = "loss"
    logit_scale: tuple[float, ...] = ()
    logit_offset: tuple[float, ...] = ()
    start: StartReport | None = None
