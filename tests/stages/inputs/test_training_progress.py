"""What a person sees of a training."""

from __future__ import annotations

from typing import Any

from birdnet_stm32.model.training.history import EpochReport
from birdnet_stm32.model.training.speed import Speed
from birdnet_stm32.progress import track
from birdnet_stm32.stages.inputs.training_progress import TrainingProgress

MEASURES = EpochReport(
    epoch=1,
    learning_rate=0.1,
    loss=0.5,
    validation_loss=0.6,
    validation_accuracy=0.5,
    validation_cmap=0.75,
)


def test_the_time_is_estimated_from_a_few_steps_and_measures_follow(capsys: Any) -> None:
    """Four steps of 10 s in each of 20 epochs; the first one, which compiles, does not count."""
    clock = iter(range(0, 90, 10))
    with track("epochs") as report:
        shown = TrainingProgress(report, 20, now=lambda: next(clock))
        for step in range(1, 9):
            shown.on_step(step, 80)
            if step in (4, 8):
                measures = {**MEASURES.__dict__, "epoch": step // 4}
                shown.on_epoch(EpochReport(**measures), Speed(seconds=40, waited_s=2))
    assert capsys.readouterr().err.splitlines() == [
        "  epochs: 0 of 20, about 13 min left",
        "  epochs: 2 of 20, loss 0.500, validation loss 0.600, cMAP 0.750, 5% waiting for batches, "
        "about 12 min left",
    ]
