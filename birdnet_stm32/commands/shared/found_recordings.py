"""The recordings that a user names: files, and folders of files at any depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from birdnet_stm32.audio.audio_files import NO_AUDIO, scan_audio_files
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.regular_file import real_path, why_unreadable


@dataclass(frozen=True, kw_only=True)
class FoundRecording:
    """A file that a user named, or that lies in a folder that the user named.

    Args:
        path: its name in tables, with forward slashes: below the folder, if the user named one folder alone;
            the name of the file, if the user named one file alone; otherwise as the user named it.
        full_path: its absolute path, with links followed.
        size_bytes: its size.
        mtime_ns: time of its last change, in ns since 1970.
        problem: why it cannot be read; empty if it can.
    """

    path: str
    full_path: Path
    size_bytes: int
    mtime_ns: int
    problem: str = ""


def find_recordings(named: Sequence[Path], *, outside: Sequence[Path] = ()) -> list[FoundRecording]:
    """Return the recordings that a user names, sorted by their names, each once.

    Args:
        named: files and folders.
        outside: folders that are left out, because the command writes audio there.

    Raises:
        InputError: something does not exist, or no recording is found at all.
    """
    found: dict[Path, FoundRecording] = {}
    left_out = [real_path(folder) for folder in outside]
    alone = len(named) == 1
    for one in named:
        for recording in _in_folder(one, alone) if one.is_dir() else [_file(one, alone)]:
            if not any(recording.full_path.is_relative_to(folder) for folder in left_out):
                found.setdefault(recording.full_path, recording)
    if not found:
        raise InputError(
            "holds no recording",
            where=", ".join(map(str, named)),
            expected="wav, flac, ogg or mp3 files, at any depth",
        )
    return sorted(found.values(), key=lambda recording: recording.path)


def _in_folder(folder: Path, alone: bool) -> list[FoundRecording]:
    return [
        FoundRecording(
            path=file.path if alone else (folder / file.path).as_posix(),
            full_path=real_path(folder / file.path),
            size_bytes=file.size_bytes,
            mtime_ns=file.mtime_ns,
            problem=file.problem or _why_no_name(folder / file.path),
        )
        for file in scan_audio_files(folder)
        if file.problem != NO_AUDIO
    ]


def _file(path: Path, alone: bool) -> FoundRecording:
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(
            why_unreadable(error), where=path, expected="a recording, or a folder of them"
        ) from error
    return FoundRecording(
        path=path.name if alone else path.as_posix(),
        full_path=real_path(path),
        size_bytes=status.st_size,
        mtime_ns=status.st_mtime_ns,
        problem=_why_no_name(path),
    )


def _why_no_name(path: Path) -> str:
    """Return what is wrong with a path that no table can show as it is; empty if nothing is."""
    # A byte that is not UTF-8 reaches Python as half a surrogate pair.
    shown = f"{path}{real_path(path)}"
    is_text = not any("\ud800" <= character <= "\udfff" for character in shown)
    return "" if is_text else "its name, or that of a folder of it, is not UTF-8: rename it"
