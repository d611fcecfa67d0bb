"""Cut the worst mistakes of a model to WAV files, with a page and a table beside them."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import soundfile

from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.evaluate.accuracy_document import Mistake
from birdnet_stm32.release.mistake_clips import Pcm, PcmOf, clip_samples, ranked_mistakes
from birdnet_stm32.release.report import page_environment
from birdnet_stm32.terminal_text import printable

PAGE = "index.html"
TABLE = "mistakes.csv"
LONGEST_S = 60.0
_LONGEST_STEM = 60


@dataclass(frozen=True, kw_only=True)
class CutMistake:
    """A mistake and the file that it was cut to.

    Args:
        file: name of the WAV file.
        rank: 1 for the worst mistake of its kind and species.
        mistake: the mistake.
        start_s: start of the file in the recording, in seconds.
    """

    file: str
    rank: int
    mistake: Mistake
    start_s: float


def cut_mistakes(mistakes: Sequence[Mistake], pcm_of: PcmOf, shape: WindowShape) -> dict[str, bytes]:
    """Return the files of a folder of mistakes, by name.

    The names of the WAV files sort by species, kind, rank and probability:
    ``Parus_major_Great_Tit-miss-01-p0.03.wav``. Their samples are those that the model gets. ``index.html``
    plays them, and ``mistakes.csv`` lists them for a spreadsheet.

    A file is as long as the call or the recording that was missed, at most a minute.

    Args:
        mistakes: the mistakes of the model.
        pcm_of: reads the recordings.
        shape: rate and length of a window.
    """
    stems = _stems([mistake.label for mistake in mistakes])
    files: dict[str, bytes] = {}
    cut = []
    for rank, mistake in ranked_mistakes(mistakes):
        first, end = clip_samples(mistake, shape, longest_s=LONGEST_S)
        pcm = pcm_of(mistake.path, first, end)
        kind = mistake.kind.replace(" ", "_")
        name = f"{stems[mistake.label]}-{kind}-{rank:02d}-p{mistake.probability:.2f}.wav"
        files[name] = _wav(pcm, shape.sample_rate_hz)
        cut.append(CutMistake(file=name, rank=rank, mistake=mistake, start_s=first / shape.sample_rate_hz))
    files[TABLE] = _table(cut).encode()
    files[PAGE] = _page(cut).encode()
    return files


def _wav(pcm: Pcm, sample_rate_hz: int) -> bytes:
    target = io.BytesIO()
    soundfile.write(target, pcm, sample_rate_hz, format="WAV", subtype="PCM_16")
    return target.getvalue()


def _stems(labels: Sequence[str]) -> dict[str, str]:
    """Return a file name for each label: letters without accents, digits, ``_``; different for each label."""
    stems: dict[str, str] = {}
    taken: set[str] = set()
    for label in dict.fromkeys(labels):
        plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode()
        stem = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")[:_LONGEST_STEM] or "class"
        number = 1
        while (unique := stem if number == 1 else f"{stem}_{number}").lower() in taken:
            number += 1
        taken.add(unique.lower())
        stems[label] = unique
    return stems


def _table(cut: Sequence[CutMistake]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "species", "kind", "rank", "probability", "recording", "start", "end", "truth"])
    for one in cut:
        mistake = one.mistake
        writer.writerow(
            [
                one.file,
                _cell(mistake.label),
                mistake.kind,
                one.rank,
                f"{mistake.probability:.4f}",
                _cell(mistake.path),
                f"{mistake.start_s:.3f}",
                f"{mistake.end_s:.3f}",
                _cell("; ".join(mistake.truth)),
            ]
        )
    return text.getvalue()


def _cell(text: str) -> str:
    """Return text that a spreadsheet does not take for a formula."""
    shown = printable(text)
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) else shown


def _page(cut: Sequence[CutMistake]) -> str:
    """Return the page; every text in it is escaped."""
    return page_environment().get_template("mistakes.html.j2").render(cut=cut, table=TABLE)
