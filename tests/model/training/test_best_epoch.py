"""Which epoch is the best, by cMAP and by loss."""

from __future__ import annotations

from birdnet_stm32.model.training.best_epoch import SelectedBy, best_of
from birdnet_stm32.model.training.history import EpochReport


def course(*measures: tuple[float | None, float]) -> list[EpochReport]:
    return [
        EpochReport(
            epoch=number,
            learning_rate=0.1,
            loss=1.0,
            validation_loss=loss,
            validation_accuracy=0.5,
            validation_cmap=cmap,
        )
        for number, (cmap, loss) in enumerate(measures, 1)
    ]


def test_the_higher_cmap_wins_whatever_the_loss() -> None:
    history = course((0.6, 0.2), (0.8, 0.5), (0.7, 0.1))
    assert best_of(history, SelectedBy.CMAP).epoch == 2
    assert best_of(history, SelectedBy.LOSS).epoch == 3


def test_the_loss_decides_between_cmaps_that_hardly_differ() -> None:
    assert best_of(course((1.0, 0.3), (1.0, 0.2), (0.999, 0.1), (1.0, 0.2)), SelectedBy.CMAP).epoch == 3


def test_the_first_of_equal_epochs_is_taken() -> None:
    assert best_of(course((0.5, 0.3), (0.5, 0.3)), SelectedBy.CMAP).epoch == 1
