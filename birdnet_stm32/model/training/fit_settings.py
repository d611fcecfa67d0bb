"""The settings of a training."""

from __future__ import annotations

from dataclasses import dataclass, field

from birdnet_stm32.config.run_table import Devices, Precision
from birdnet_stm32.model.training.augment import Augmentation
from birdnet_stm32.model.training.balance import Balance
from birdnet_stm32.model.training.best_epoch import SelectedBy


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """The settings of a training.

    Args:
        epochs: passes over the training windows.
        learning_rate: learning rate at the start; it falls to zero along a cosine.
        batch_size: windows in each step.
        seed: seed of weights, order, dropout and augmentation.
        label_smoothing: moves targets towards 0.5, which bounds the logits. Their int8 steps then stay small,
            and the probabilities of quiet windows stay above what int8 can represent.
        balance: how often the windows of each class are drawn.
        augmentation: how the windows are changed.
        select_epoch: what chooses the best epoch. Without a judge, the loss does.
        patience: epochs without a better one after which the training stops; None to never stop early.
        average: share of the moving average of the weights that stays at each step; None for the weights of
            the last step. The average is what is validated and kept.
        workers: threads that make batches while the network learns; 0 for none. The same weights come out.
        embedding_weight: weight of the loss that draws embeddings towards those of the examples' teacher.
        devices: what the network learns on.
        precision: the type that its layers compute in. The weights, and the trained network, are float32.
        jit: whether XLA compiles the training step.
    """

    epochs: int = 40
    learning_rate: float = 5e-3
    batch_size: int = 16
    seed: int = 0
    label_smoothing: float = 0.1
    balance: Balance = field(default_factory=Balance)
    augmentation: Augmentation = field(default_factory=Augmentation)
    select_epoch: SelectedBy = SelectedBy.CMAP
    patience: int | None = None
    average: float | None = None
    workers: int = 1
    embedding_weight: float = 0.0
    devices: Devices = "cpu"
    precision: Precision = "float32"
    jit: bool = False
