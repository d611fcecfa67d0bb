"""A teacher: a network, how it is fed, and what its outputs mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import FrontendSpec
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.teacher.network import Floats, NetworkOutputs, TeacherNetwork
from birdnet_stm32.pcm import FULL_SCALE

Outputs = Literal["logits", "probabilities"]

_PROBED = 4  # windows of noise that show whether outputs are logits
_ROUNDING = 1e-4  # beyond 0 or 1 that a probability may lie


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """A network that hears windows and names what it hears.

    Args:
        network: the network.
        labels: name of each output.
        sample_rate_hz: sample rate of the audio that it hears.
        window_samples: length of the audio that it hears at a time.
        front_end: how the audio becomes its input; None if its input is the waveform, in [-1, 1].
        outputs: what its outputs are.
        digest: SHA-256 of everything that its outputs depend on.
        model_digest: SHA-256 of its file, or of the names and digests of the files of its folder.
        name: name of its file or folder.
    """

    network: TeacherNetwork
    labels: tuple[str, ...]
    sample_rate_hz: int
    window_samples: int
    front_end: FrontendSpec | None
    outputs: Outputs
    digest: str
    model_digest: str
    name: str

    @property
    def window_s(self) -> float:
        """Length of the audio that it hears at a time, in seconds."""
        return self.window_samples / self.sample_rate_hz

    def hear(self, audio: Floats) -> NetworkOutputs:
        """Return probabilities and embeddings of windows.

        Args:
            audio: float32 ``[n, window_samples]`` in [-1, 1].

        Returns:
            Probabilities of all classes, NaN where the network gives NaN, and the embeddings.

        Raises:
            InputError: the outputs are not what ``outputs`` says.
        """
        heard = self.network.run(network_input(audio, self.network, self.front_end))
        if self.outputs == "logits":
            return NetworkOutputs(values=_sigmoid(heard.values), embeddings=heard.embeddings)
        outside = heard.values[(heard.values < -_ROUNDING) | (heard.values > 1 + _ROUNDING)]
        if outside.size:
            raise InputError(
                f"gives {outside[0]:g}, which is no probability",
                where=self.name,
                expected="values from 0 to 1",
                remedy='outputs = "logits" in [teacher], if that is what the model gives',
            )
        return heard


def network_input(audio: Floats, network: TeacherNetwork, front_end: FrontendSpec | None) -> Floats:
    """Return what a network is fed for windows of audio, float32 ``[n, *input_shape]``."""
    if front_end is None:
        return audio.reshape(len(audio), *network.input_shape)
    pcm = np.clip(np.rint(audio * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    return features(pcm, front_end)


def kind_of_outputs(network: TeacherNetwork, front_end: FrontendSpec | None, window_samples: int) -> Outputs:
    """Find out whether a network gives logits: some of its values for noise are below 0 or above 1.

    Args:
        network: the network.
        front_end: how it is fed.
        window_samples: length of a window.
    """
    rng = np.random.default_rng(0)
    levels = np.geomspace(1e-3, 0.3, _PROBED, dtype=np.float32)[:, np.newaxis]
    noise = rng.standard_normal((_PROBED, window_samples), np.float32) * levels
    values = network.run(network_input(noise, network, front_end)).values
    inside = (values >= -_ROUNDING) & (values <= 1 + _ROUNDING)
    return "probabilities" if bool(np.all(inside | np.isnan(values))) else "logits"


def _sigmoid(values: Floats) -> Floats:
    found: npt.NDArray[np.float32] = 0.5 * (1 + np.tanh(0.5 * values))
    return found
