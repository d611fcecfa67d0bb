"""The table of a variant that names a teacher: a model that heard more, and from which another one learns."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from birdnet_stm32.config.config_table import ConfigTable
from birdnet_stm32.config.text_types import Name, PathText

_OF_A_MODEL = ("labels", "config", "outputs", "sample_rate_hz", "embedding")


class TeacherTable(ConfigTable):
    """A model that labels the windows of training. Nothing of it enters the trained model's bundle."""

    model: PathText | None = None
    """The teacher: a ``.tflite``, ``.keras`` or ``.onnx`` file, or the folder of a SavedModel. It is fed the
    waveform of the window and what is around it, as many samples as its input has."""
    labels: PathText | None = None
    """The label file of ``model``, with one name on each line, in the order of the outputs:
    ``Scientific name_Common name``. Species are found by their scientific names."""
    config: PathText | None = None
    """The ``*_model_config.json`` of ``model``, if that is a model of this project, which is fed a
    spectrogram. It also has the names of the outputs."""
    cache: PathText | None = None
    """Instead of ``model``: a folder with scores that another program has computed, in the format of the 1.x
    line of BirdNET-STM32 (``meta.json``, ``mapped.npy``, ``starts.npy``, ``index.npz``)."""
    licence: Name
    """Licence of the teacher, such as ``CC-BY-NC-SA-4.0``. The release says from what its model learned, and
    under which licence that is."""
    weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the teacher's score in the target of a class that the teacher knows; the rest is the label."""
    embedding_weight: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Weight of a second loss: 1 minus the cosine between the teacher's embedding and a linear projection of
    the trained model's. The projection is not part of the trained model."""
    outputs: Literal["auto", "logits", "probabilities"] = "auto"
    """What the teacher's outputs are. ``auto``: logits if values for noise are below 0 or above 1."""
    sample_rate_hz: Annotated[int, Field(ge=4_000, le=500_000)] = 48_000
    """Sample rate in Hz of the audio that the teacher hears."""
    embedding: Name | None = None
    """Name of the tensor or layer that is the teacher's embedding. Default: the input of its last dense
    layer."""
    names: PathText | None = None
    """Table of names of species, as in ``[evaluate] names``, for classes that the teacher knows by another
    name."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.model is None) == (self.cache is None):
            raise ValueError("needs either model or cache: the teacher itself, or scores that it gave")
        if self.cache is not None:
            extra = sorted(self.model_fields_set.intersection(_OF_A_MODEL))
            if extra:
                raise ValueError(f"cache holds scores that a teacher gave: leave out {', '.join(extra)}")
            return self
        if self.config is not None and "sample_rate_hz" in self.model_fields_set:
            raise ValueError("config already fixes sample_rate_hz: leave it out")
        if self.labels is None and self.config is None:
            raise ValueError("a model needs labels, the names of its outputs")
        if self.config is None and PurePath(self.model or "").suffix == ".keras":
            raise ValueError("a .keras file needs its model configuration: add the key config")
        return self
