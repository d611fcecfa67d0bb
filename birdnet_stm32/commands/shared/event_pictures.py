"""Write a clip of each event, and a picture of each recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from birdnet_stm32.audio.decoding.decode import Unusable
from birdnet_stm32.commands.shared.messages import print_message, print_warning
from birdnet_stm32.commands.shared.outputs import Writer
from birdnet_stm32.detect.clips import clip_names, cut_clips
from birdnet_stm32.detect.plot import plot_events, spectrogram_db
from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.detect.tables.table_names import beside_path
from birdnet_stm32.progress import track
from birdnet_stm32.terminal_text import counted, printable


def write_clips(
    writer: Writer,
    folder: Path,
    recordings: Sequence[DetectedRecording],
    *,
    before_s: float,
    after_s: float,
    channel: int,
) -> None:
    """Cut every event to a WAV file, below a folder for each class.

    Args:
        writer: of the command.
        folder: for the clips.
        recordings: the recordings with their events.
        before_s: seconds before the event that are in the clip too.
        after_s: seconds after it.
        channel: channel of the recordings, counted from 1; 0 for the average of all channels.

    Raises:
        InputError: the folder cannot be written.
    """
    heard = [one for one in recordings if one.events]
    names = clip_names(heard)
    writer.replace_logs(folder, [name for of_one in names for name in of_one])
    with track("clips") as report:
        for done, (recording, own) in enumerate(zip(heard, names, strict=True), start=1):

            def write(position: int, content: bytes, own: Sequence[str] = own) -> None:
                _write(folder / own[position], content)

            failed = cut_clips(recording, write, before_s=before_s, after_s=after_s, channel=channel)
            if failed is not None:
                print_warning(f"no clips of {printable(recording.path)}: {failed.reason}")
            report(done, len(heard))
    print_message(f"{counted(sum(map(len, names)), 'clip')}: {folder}")


def write_plots(
    writer: Writer, folder: Path, recordings: Sequence[DetectedRecording], *, channel: int
) -> None:
    """Draw every recording that has events.

    Args:
        writer: of the command.
        folder: for the pictures.
        recordings: the recordings with their events.
        channel: as for :func:`write_clips`.

    Raises:
        InputError: the folder cannot be written.
    """
    heard = [one for one in recordings if one.events]
    names = [beside_path("", one.path, ".png").lstrip("/") for one in heard]
    writer.replace_logs(folder, names)
    with track("pictures") as report:
        for done, (recording, name) in enumerate(zip(heard, names, strict=True), start=1):
            spectrogram = spectrogram_db(
                Path(recording.full_path),
                recording.samples,
                sample_rate_hz=recording.sample_rate_hz,
                channel=channel,
            )
            if isinstance(spectrogram, Unusable):
                print_warning(f"no picture of {printable(recording.path)}: {spectrogram.reason}")
            else:
                _write(folder / name, plot_events(recording, spectrogram))
            report(done, len(heard))
    print_message(f"{counted(len(heard), 'picture')}: {folder}")


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name[-100:]}.part")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
