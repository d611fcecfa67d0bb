"""Measure recordings, once for each content.

A measure depends only on the bytes of a file and on the code that reads them. It is therefore kept between
runs, in a JSON file. That file holds modification times and is not a product: equal recordings have equal
measures, whenever they were written.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import soundfile

from birdnet_stm32 import pcm
from birdnet_stm32.audio import audio_files, parallel
from birdnet_stm32.audio.audio_files import SUPPORTED, FileStat, suffix
from birdnet_stm32.audio.containers import audiomoth_silence, detect, flac, layout, mpeg, ogg, source, wav
from birdnet_stm32.audio.decoding import decode, levels, mono, stream
from birdnet_stm32.audio.decoding.decode import Properties, Unusable
from birdnet_stm32.audio.decoding.mono import MIX
from birdnet_stm32.audio.recording_roots import RecordingsFolder
from birdnet_stm32.files import regular_file
from birdnet_stm32.files.regular_file import why_unreadable

if TYPE_CHECKING:
    from birdnet_stm32.progress import Report


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasuredFile:
    """One file and its content.

    Args:
        stat: its status when it was measured.
        digest: SHA-256 of its bytes; empty if they cannot be read.
        content: its properties, or why it is unusable.
        channel: the channel that was measured, counted from 1; 0 for the average of all channels.
    """

    stat: FileStat
    digest: str
    content: Properties | Unusable
    channel: int = MIX


def measure_files(
    root: RecordingsFolder,
    files: Sequence[FileStat],
    known: Mapping[str, MeasuredFile],
    *,
    channel: int = MIX,
    n_jobs: int = -1,
    report: Report | None = None,
) -> list[MeasuredFile]:
    """Measure files, except those whose size and modification time have not changed.

    A file whose modification time alone has changed is read but not decoded.

    Args:
        root: folder that the paths of ``files`` are relative to.
        files: what to measure.
        known: measures of an earlier run, by path.
        channel: the channel to measure, counted from 1; 0 for the average of all channels.
        n_jobs: number of workers; -1 starts one for each core.
        report: called with (done, total) after each file that had to be read.
    """
    task = functools.partial(_measure_file, root, channel)
    of_channel = {path: one for path, one in known.items() if one.channel == channel}
    pairs = [
        (file, of_channel.get(file.path)) for file in files if _is_stale(file, of_channel.get(file.path))
    ]
    fresh = {
        new.stat.path: new for new in parallel.map_in_parallel(task, pairs, n_jobs=n_jobs, report=report)
    }
    return [fresh.get(file.path) or of_channel[file.path] for file in files]


def _is_stale(file: FileStat, known: MeasuredFile | None) -> bool:
    """Return whether a file must be read. A file that could not be read is always tried again."""
    return known is None or known.stat != file or not known.digest


def _measure_file(
    root: RecordingsFolder, channel: int, pair: tuple[FileStat, MeasuredFile | None]
) -> MeasuredFile:
    file, known = pair
    measured = functools.partial(MeasuredFile, stat=file, channel=channel)
    if file.problem:
        return measured(digest="", content=Unusable(reason=file.problem))
    path = root / file.path
    try:
        digest = _digest(path)
    except source.UnreadableError as error:
        return measured(digest="", content=Unusable(reason=str(error)))
    except OSError as error:
        return measured(digest="", content=Unusable(reason=why_unreadable(error)))
    if known is not None and known.digest == digest:
        return measured(digest=digest, content=known.content)
    return measured(digest=digest, content=_content(path, channel))


def _digest(path: Path) -> str:
    with source.open_audio_bytes(path) as opened, open(opened.descriptor, "rb", closefd=False) as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _content(path: Path, channel: int) -> Properties | Unusable:
    kind = suffix(path.name)
    if kind not in SUPPORTED:
        return Unusable(reason=f"{kind} is not supported: convert it to wav, flac, ogg or mp3")
    # The index applies the least length that is wanted.
    return decode.measure_recording(path, channel=channel, min_duration_s=0.0)


def measurements_to_json(measured: Sequence[MeasuredFile]) -> str:
    """Return measures as a JSON text that :func:`measurements_from_json` reads."""
    # Entry by entry: all of them as Python values would take several times the memory of the text.
    entries = ",\n".join(json.dumps(_entry(one)) for one in measured)
    return f'{{"measured_by": {json.dumps(_fingerprint())}, "files": [\n{entries}\n]}}'


def _entry(one: MeasuredFile) -> dict[str, object]:
    return {
        **asdict(one.stat),
        "channel": one.channel,
        "digest": one.digest,
        "content": asdict(one.content),
    }


def measurements_from_json(text: str) -> dict[str, MeasuredFile]:
    """Return measures by path. Measures of other code are left out, since they may be wrong now."""
    document = json.loads(text)
    if document["measured_by"] != _fingerprint():
        return {}
    return {entry["path"]: _from_entry(entry) for entry in document["files"]}


def _from_entry(entry: dict[str, object]) -> MeasuredFile:
    content: dict[str, object] = entry.pop("content")  # type: ignore[assignment]
    digest, channel = entry.pop("digest"), entry.pop("channel")
    if "notes" in content:
        content["notes"] = tuple(content["notes"])  # type: ignore[arg-type]
    kind = Unusable if "reason" in content else Properties
    return MeasuredFile(
        stat=FileStat(**entry),  # type: ignore[arg-type]
        digest=digest,  # type: ignore[arg-type]
        content=kind(**content),  # type: ignore[arg-type]
        channel=channel,  # type: ignore[arg-type]
    )


MEASURED_BY = (
    audiomoth_silence,
    decode,
    detect,
    audio_files,
    flac,
    layout,
    levels,
    mono,
    mpeg,
    ogg,
    pcm,
    regular_file,
    source,
    stream,
    wav,
)
"""The modules that measures depend on, beside this one."""


@functools.cache
def _fingerprint() -> str:
    """Return a digest of everything that a measure depends on, except the recording."""
    digest = hashlib.sha256(soundfile.__libsndfile_version__.encode())
    for module in (*(str(one.__file__) for one in MEASURED_BY), __file__):
        digest.update(Path(module).read_bytes())
    return digest.hexdigest()
