"""Measures recordings, once for each content.

What is measured depends on nothing but a file's bytes and the code that reads them, so it is kept in a JSON
document between runs. That document knows modification times and is no product: equal recordings give equal
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

from birdnet_stm32.audio import decode, levels, parallel
from birdnet_stm32.audio.decode import Properties, Unusable
from birdnet_stm32.audio.files import SUPPORTED, FileStat, suffix
from birdnet_stm32.regular_file import why_unreadable

if TYPE_CHECKING:
    from birdnet_stm32.progress import Report


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One file and what its content is.

    Args:
        stat: as it was when measured.
        digest: SHA-256 of its bytes, empty if they cannot be read.
        content: what it holds, or why it is unusable.
    """

    stat: FileStat
    digest: str
    content: Properties | Unusable


def measure(
    root: Path,
    files: Sequence[FileStat],
    known: Mapping[str, Measured],
    *,
    n_jobs: int = -1,
    report: Report | None = None,
) -> list[Measured]:
    """Measure files, leaving alone those whose size and modification time are known.

    A file that was only touched is read but not decoded.

    Args:
        root: folder that the paths of ``files`` are relative to.
        files: what to measure.
        known: by path, what an earlier run measured.
        n_jobs: worker processes, -1 for one a core.
        report: told after every file that had to be read.
    """
    task = functools.partial(_measure_file, root)
    pairs = [(file, known.get(file.path)) for file in files if _is_stale(file, known.get(file.path))]
    fresh = {new.stat.path: new for new in parallel.each(task, pairs, n_jobs=n_jobs, report=report)}
    return [fresh.get(file.path) or known[file.path] for file in files]


def _is_stale(file: FileStat, known: Measured | None) -> bool:
    """Return whether a file must be read; one that could not be read is always tried again."""
    return known is None or known.stat != file or not known.digest


def _measure_file(root: Path, pair: tuple[FileStat, Measured | None]) -> Measured:
    file, known = pair
    if file.problem:
        return Measured(stat=file, digest="", content=Unusable(reason=file.problem))
    path = root / file.path
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        return Measured(stat=file, digest="", content=Unusable(reason=why_unreadable(error)))
    if known is not None and known.digest == digest:
        return Measured(stat=file, digest=digest, content=known.content)
    return Measured(stat=file, digest=digest, content=_content(path))


def _content(path: Path) -> Properties | Unusable:
    kind = suffix(path.name)
    if kind not in SUPPORTED:
        return Unusable(reason=f"{kind} is not supported: convert it to wav, flac, ogg or mp3")
    return decode.probe(path)


def to_json(measured: Sequence[Measured]) -> str:
    """Return measures as a document that :func:`from_json` reads."""
    entries = [{**asdict(one.stat), "digest": one.digest, "content": asdict(one.content)} for one in measured]
    return json.dumps({"measured_by": _fingerprint(), "files": entries}, indent=0)


def from_json(text: str) -> dict[str, Measured]:
    """Return measures by path; none of them if other code measured them, since they may be wrong now."""
    document = json.loads(text)
    if document["measured_by"] != _fingerprint():
        return {}
    return {entry["path"]: _from_entry(entry) for entry in document["files"]}


def _from_entry(entry: dict[str, object]) -> Measured:
    content: dict[str, object] = entry.pop("content")  # type: ignore[assignment]
    digest = entry.pop("digest")
    kind = Unusable if "reason" in content else Properties
    return Measured(stat=FileStat(**entry), digest=digest, content=kind(**content))  # type: ignore[arg-type]


@functools.cache
def _fingerprint() -> str:
    """Return a digest of all that a measure depends on beside the recording."""
    digest = hashlib.sha256(soundfile.__libsndfile_version__.encode())
    for module in (decode.__file__, levels.__file__, __file__):
        digest.update(Path(module).read_bytes())
    return digest.hexdigest()
