"""Draw a recording with its events: the spectrogram, and below it a line of bars for each species."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.annotations.species_names import parts_of
from birdnet_stm32.audio.decoding.decode import Unusable, decode_blocks
from birdnet_stm32.audio.decoding.mono import MIX
from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.pcm import FULL_SCALE
from birdnet_stm32.terminal_text import printable

Floats = NDArray[np.float32]

FFT_SAMPLES = 512
HOP_SAMPLES = 256
_MOST_COLUMNS = 3_000  # of the picture, whatever the length
_MOST_FRAMES = 8  # in one column, so that a call of a second is seen in a picture of a day
_MOST_SPECIES = 20
_RANGE_DB = 70.0
_SMALL_POWER = 1e-10
_LONGEST_NAME = 30


def spectrogram_db(path: Path, samples: int, *, sample_rate_hz: int, channel: int = MIX) -> Floats | Unusable:
    """Return the spectrogram of a recording of any length in at most 3,000 columns.

    Args:
        path: the recording.
        samples: its length at ``sample_rate_hz``.
        sample_rate_hz: rate to decode it to.
        channel: the channel to take, counted from 1; 0 for the average of all channels.

    Returns:
        float32 ``[257 bins, columns]``, in dB of full scale. A column is the maximum of up to 8 frames.
        Or why the recording cannot be read.
    """
    columns = _Columns(max(HOP_SAMPLES, -(-samples // _MOST_COLUMNS)))
    decoded = decode_blocks(path, columns.take, sample_rate_hz=sample_rate_hz, channel=channel)
    return decoded if isinstance(decoded, Unusable) else columns.end()


def plot_events(recording: DetectedRecording, spectrogram: Floats) -> bytes:
    """Return a PNG of a recording with its events.

    Args:
        recording: the recording.
        spectrogram: from :func:`spectrogram_db`.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    labels = most_frequent(recording)
    with rc_context({"text.parse_math": False, "font.size": 9}):
        figure = Figure(figsize=(11, 3.2 + 0.25 * len(labels)), layout="constrained")
        FigureCanvasAgg(figure)
        above, below = figure.subplots(
            2, 1, sharex=True, gridspec_kw={"height_ratios": [2.6, 0.25 * len(labels) + 0.1]}
        )
        _draw_spectrogram(above, recording, spectrogram)
        _draw_bars(below, recording, labels)
        above.set_title(printable(recording.path, longest=90), fontsize=9, loc="left")
        content = io.BytesIO()
        # Without the version of the library, equal pictures are equal bytes.
        figure.savefig(content, format="png", dpi=110, metadata={"Software": None})
    return content.getvalue()


def most_frequent(recording: DetectedRecording) -> list[str]:
    """Return the classes to draw: those with most events, at most 20, in the order of their first event."""
    count: dict[str, int] = {}
    for event in recording.events:
        count[event.label] = count.get(event.label, 0) + 1
    kept = set(sorted(count, key=lambda label: (-count[label], label))[:_MOST_SPECIES])
    return [label for label in count if label in kept]


def _draw_spectrogram(axes: Any, recording: DetectedRecording, spectrogram: Floats) -> None:
    peak = float(spectrogram.max(initial=-_RANGE_DB))
    axes.imshow(
        spectrogram,
        origin="lower",
        aspect="auto",
        extent=(0, recording.duration_s, 0, recording.sample_rate_hz / 2_000),
        cmap="Greys",
        vmin=peak - _RANGE_DB,
        vmax=peak,
        interpolation="antialiased",
    )
    for event in recording.events:
        start_s, end_s = (at / recording.sample_rate_hz for at in (event.start_samples, event.end_samples))
        axes.axvspan(start_s, end_s, facecolor="tab:blue", alpha=0.1, linewidth=0)
    axes.set_ylabel("kHz")


def _draw_bars(axes: Any, recording: DetectedRecording, labels: Sequence[str]) -> None:
    for row, label in enumerate(labels):
        spans, scores = [], []
        for event in recording.events:
            if event.label == label:
                start_s = event.start_samples / recording.sample_rate_hz
                spans.append((start_s, event.end_samples / recording.sample_rate_hz - start_s))
                scores.append(event.score)
        colours = [(0.12, 0.47, 0.71, 0.35 + 0.65 * score) for score in scores]
        axes.broken_barh(spans, (row - 0.35, 0.7), facecolors=colours)
    names = [printable(parts_of(label)[1] or label, longest=_LONGEST_NAME) for label in labels]
    axes.set_yticks(range(len(labels)), names)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_xlabel("seconds")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


class _Columns:
    """Makes the columns of a spectrogram from samples that come in blocks."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._held = np.zeros(0, np.int16)
        self._columns: list[Floats] = []
        frames = min(_MOST_FRAMES, -(-width // HOP_SAMPLES))
        self._firsts = np.arange(frames) * width // frames
        self._taper = np.hanning(FFT_SAMPLES).astype(np.float32)

    def take(self, block: NDArray[np.int16]) -> None:
        """Take the next samples, int16 ``[n]``."""
        self._held = np.concatenate([self._held, block])
        first = 0
        while first + self._width + FFT_SAMPLES <= len(self._held):
            self._column(self._held[first : first + self._width + FFT_SAMPLES])
            first += self._width
        self._held = self._held[first:].copy()

    def end(self) -> Floats:
        """Return all columns, float32 ``[bins, columns]``."""
        while len(self._held):
            part = self._held[: self._width + FFT_SAMPLES]
            self._column(np.pad(part, (0, self._width + FFT_SAMPLES - len(part))))
            self._held = self._held[self._width :]
        return np.stack(self._columns, axis=1)

    def _column(self, samples: NDArray[np.int16]) -> None:
        frames = samples[self._firsts[:, np.newaxis] + np.arange(FFT_SAMPLES)] / np.float32(FULL_SCALE)
        power = np.square(np.abs(np.fft.rfft(frames * self._taper))).max(axis=0)
        self._columns.append((10 * np.log10(power + _SMALL_POWER)).astype(np.float32))
