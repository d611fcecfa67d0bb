"""The tables of a variant that say how its model is trained, and on which windows it is calibrated."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from birdnet_stm32.config.config_table import ConfigTable, Seed
from birdnet_stm32.config.text_types import PathText

LEARNING_RATE = 5e-3
LEARNING_RATE_OF_A_START = 1e-3


class TrainTable(ConfigTable):
    """How the float model is trained."""

    start: PathText | None = None
    """A ``.keras`` file with a trained model that the training starts from. Front end, window and network are
    those of this model; the classes are those of the recordings."""
    start_config: PathText | None = None
    """The ``*_model_config.json`` of ``start``. Default: the one beside it."""
    learn: Literal["head", "last_stages", "all"] = "all"
    """What of ``start`` may change. ``head``: the last layer. ``last_stages``: the last two stages too, where
    a stage begins with a layer that makes the map smaller. ``all``: every layer."""
    backbone_rate: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Factor of the learning rate from one stage of ``start`` to the stage before it. The last layer learns
    at ``learning_rate``, the last stage at ``backbone_rate`` times as much."""
    head: Literal["linear_probe", "new"] = "linear_probe"
    """The last layer with which a training from ``start`` begins. ``linear_probe``: it is fitted to what
    ``start`` makes of the training windows, which takes seconds; with ``learn = "head"`` nothing else is
    trained. ``new``: known classes keep their weights, new ones begin with random weights."""
    epochs: Annotated[int, Field(ge=1, le=1_000)] = 40
    """Number of passes over the data."""
    batch_size: Annotated[int, Field(ge=1, le=1_024)] = 16
    """Number of windows in one training step."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    """Learning rate at the beginning. It falls to zero along a cosine. Default: 0.005, and 0.001 with
    ``start``, whose weights a higher one would undo."""
    balance: Annotated[float, Field(ge=0, le=1)] = 1.0
    """How much more often the windows of rare classes are drawn: a window of a class of n windows has the
    weight n to the power of minus ``balance``. With 1, every class is drawn equally often; with 0, every
    window."""
    max_windows_per_class: Annotated[int, Field(ge=1)] | None = None
    """Greatest number of windows of one class that are drawn in a pass over the data."""
    max_repeats: Annotated[float, Field(ge=1)] | None = None
    """Greatest number of times that a window is drawn in a pass over the data, on average over its class."""
    background_share: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Share of the windows drawn in a pass over the data that hold background. Default: background is drawn
    as if it were one more class. A greater share teaches what is no call of any class."""
    silence: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Share of the examples that is digital silence, or the faintest noise that 16 bits can hold, without any
    class."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share by which targets are moved towards 0.5. It bounds the outputs, which int8 then rounds less."""
    select_epoch: Literal["cmap", "loss"] = "cmap"
    """What chooses the epoch whose weights are kept. ``cmap``: the mean over classes of the average precision
    over validation recordings; if two epochs differ by less than 0.01, the validation loss. ``loss``: the
    validation loss alone, which also decides where no class is in some validation recordings and not in
    others."""
    patience: Annotated[int, Field(ge=1)] | None = None
    """Number of epochs without a better one after which the training stops. Default: it never stops early."""
    average: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Share of a moving average of the weights that stays at each step, for example 0.99. The average is
    validated and published. Default: the weights of a single step are."""
    calibrate: Literal["none", "temperature", "platt"] = "none"
    """Whether probabilities are made to match how often a species is there, by the validation recordings.
    ``temperature``: one scale for all logits. ``platt``: a scale and an offset for each class. Both become
    part of the last layer. With ``refit``, the validation outputs are those of the first training."""
    refit: bool = False
    """``true``: as soon as the validation recordings have chosen the epoch, train anew on the recordings of
    training and validation for that number of epochs, over which the learning rate falls to zero, and publish
    this model. Measures of its validation recordings then say nothing about others."""
    seed: Seed = 42
    """Seed of all random choices. The same seed gives the same result."""

    @model_validator(mode="after")
    def _configuration_of_a_start(self) -> Self:
        if self.start is None and self.start_config is not None:
            raise ValueError("start_config describes a model to start from, but there is no key start")
        return self

    @property
    def first_learning_rate(self) -> float:
        """The learning rate at the beginning."""
        if self.learning_rate is not None:
            return self.learning_rate
        return LEARNING_RATE if self.start is None else LEARNING_RATE_OF_A_START

    @property
    def only_probes(self) -> bool:
        """Whether the linear probe is the whole training."""
        return self.start is not None and self.learn == "head" and self.head == "linear_probe"


class RepresentativeTable(ConfigTable):
    """The windows that calibrate the int8 model, and those that verify it."""

    calibration_windows: Annotated[int, Field(ge=32, le=16_384)] = 1_024
    """Greatest number of windows from training recordings. Most of them set the int8 ranges. Up to a fifth of
    them, all windows of some recordings, is held out, and recipes are compared on these."""
    validation_windows: Annotated[int, Field(ge=16, le=16_384)] = 256
    """Greatest number of windows on which the int8 model is compared with the float model."""
    seed: Seed = 42
    """Seed of all random choices. The same seed gives the same result."""
    min_snr_db: Annotated[float, Field(ge=0)] | None = None
    """Least signal-to-noise ratio in dB. Windows below it do not calibrate."""
    max_snr_db: Annotated[float, Field(ge=0)] | None = None
    """Greatest signal-to-noise ratio in dB. Windows above it do not calibrate."""
    max_distance_db: Annotated[float, Field(gt=0)] | None = None
    """Greatest distance in dB between the spectrum of a window and the median spectrum of all windows.
    Windows beyond it do not calibrate. The distance is the root mean square over 16 bands, after both spectra
    have been brought to the same level."""

    @model_validator(mode="after")
    def _floor_below_ceiling(self) -> Self:
        if None not in (self.min_snr_db, self.max_snr_db) and self.min_snr_db > self.max_snr_db:  # type: ignore[operator]
            raise ValueError(f"min_snr_db {self.min_snr_db:g} is above max_snr_db {self.max_snr_db:g}")
        return self
