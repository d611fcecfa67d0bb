"""Write the files of a command. A command replaces only files that it wrote, and related files together.

A small hidden record lies beside everything that a command writes: ``.NAME.birdnet-stm32``, or
``.birdnet-stm32`` inside a folder. It says which command wrote which files, with their digests. An existing
file may be replaced if the record says that the same command wrote it and the digest shows that nobody has
changed it since. Every other file is refused before the work begins, unless ``--overwrite`` is given. So the
same command can be run again, and a file that the user made or changed is never lost.

Some files belong together, such as a model with its configuration and labels. They are written under other
names first and then renamed. The model is removed before and renamed last. So if the command is killed at any
moment, the user has the old files, the new files or no model, but never a mixture.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import stat
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.document import document_values
from birdnet_stm32.files.json_file import canonical_json, read_json_object
from birdnet_stm32.files.regular_file import real_path, sha256_of, why_unreadable

RECORD_SUFFIX = ".birdnet-stm32"
_STANDARD_OUTPUT = "-"


@dataclass(frozen=True, kw_only=True)
class _Record:
    """The files that a command wrote into one folder.

    Args:
        command: name of the command.
        files: digests that each file may have, by its name relative to the folder.
        logs: files that grow while the command runs. They have no digest.
    """

    command: str
    files: Mapping[str, Sequence[str]] = field(default_factory=dict)
    logs: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Writes the files of one command.

    Args:
        command: name of the command.
        overwrite: also replace files that the command did not write, because the user asked for it.
    """

    command: str
    overwrite: bool

    def check(self, *paths: Path | None, remedy: tuple[str, ...] = ()) -> None:
        """Refuse, before the work begins, outputs that cannot be written or that others wrote.

        Args:
            paths: files to write. None and ``-`` (standard output) are not files.
            remedy: what the user probably wants instead.

        Raises:
            InputError: a path is a folder, lies in a file or in a read-only folder, is read-only, or exists
                and was not written by this command; or two paths are the same file.
        """
        places = [_place(path) for path in paths if path is not None and str(path) != _STANDARD_OUTPUT]
        for number, place in enumerate(places):
            _check_place(place)
            if place in places[:number] and not _is_stream(place):
                raise InputError("is named for two outputs", where=place, expected="a name for each")
            self._refuse_foreign(place.parent, [place.name], _record_of(place), remedy)

    def check_folder(self, folder: Path) -> None:
        """Refuse a folder that cannot be written, or that contains files and was not written by this command.

        Raises:
            InputError: the folder is refused. The message says why.
        """
        folder = _place(folder)
        _check_place(folder / RECORD_SUFFIX)
        with _in_words(folder):
            held = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        if held and not self.overwrite and self._own(folder / RECORD_SUFFIX) is None:
            raise InputError(
                f"holds files that this command did not write, {held[0]} for one",
                where=folder,
                expected="a folder of its own: a new one, or one that it wrote",
                remedy=("name another folder", "--overwrite: replace the files that it would write"),
            )

    def write(self, path: Path, content: bytes) -> None:
        """Write a file, whole or not at all. Raises: InputError, as :meth:`check`."""
        place = _place(path)
        if _is_stream(place):
            _write_stream(place, content)
        else:
            self._replace(place.parent, {place.name: content}, place.name, _record_of(place))

    def write_model(
        self, path: Path, content: bytes, beside: Mapping[str, bytes], *, removes: Collection[str] = ()
    ) -> None:
        """Write a model and the files beside it, all of them or none.

        Args:
            path: path of the model.
            content: content of the model.
            beside: content of the other files, by name.
            removes: names of files that an earlier run may have written beside it, and that would now be
                wrong; those in ``beside`` stay.

        Raises:
            InputError: as :meth:`check`, for any of the files.
        """
        self.check_model(path, ())
        place = _place(path)
        files = {place.name: content, **beside}
        self._replace(place.parent, files, place.name, _record_of(place), removes=removes)

    def check_model(self, path: Path, beside: Iterable[str], remedy: tuple[str, ...] = ()) -> None:
        """Refuse what :meth:`write_model` would refuse, before the work. Raises: InputError."""
        place = _place(path)
        _check_place(place)
        if _is_stream(place):
            raise InputError("is a device or a pipe", where=place, expected="the name of a file to write")
        self._refuse_foreign(place.parent, [place.name, *beside], _record_of(place), remedy)

    def write_folder(self, folder: Path, files: Mapping[str, bytes], *, last: str) -> None:
        """Write files below ``folder``, all of them or none, and remove old files of the previous run.

        Args:
            folder: a new or empty folder, or one that this command wrote.
            files: content of the files, by path relative to the folder.
            last: the file that is written last. If it exists, the folder is complete.

        Raises:
            InputError: as :meth:`check_folder`, or an existing file was changed since it was written.
        """
        self.check_folder(folder)
        place = _place(folder)
        self._replace(place, files, last, place / RECORD_SUFFIX, removes_stale=True)

    def register_log(self, path: Path) -> None:
        """Record that a log belongs to this command. The log grows while it runs. Raises: InputError."""
        place = _place(path)
        self._register(place.parent, [place.name], _record_of(place))

    def register_logs(self, folder: Path, *names: str) -> None:
        """Record that a folder and logs in it belong to this command. The logs grow while it runs.

        Raises:
            InputError: as :meth:`check_folder`, or a log exists that this command did not write.
        """
        self.check_folder(folder)
        folder = _place(folder)
        self._register(folder, names, folder / RECORD_SUFFIX)

    def _register(self, folder: Path, names: Sequence[str], record: Path) -> None:
        for name in names:
            _check_place(folder / name)
        own = self._own(record) or _Record(command=self.command)
        self._refuse_foreign(folder, names, record, ())
        logs = tuple(sorted({*own.logs, *names}))
        with _in_words(folder):
            folder.mkdir(parents=True, exist_ok=True)
            _write_record(record, _Record(command=self.command, files=own.files, logs=logs))

    def replace_logs(self, folder: Path, names: Iterable[str]) -> None:
        """Record files below a folder that will be written one by one, and remove those of the previous run.

        Args:
            folder: a new or empty folder, or one that this command wrote.
            names: the files, relative to the folder.

        Raises:
            InputError: as :meth:`check_folder`, or a file exists that this command did not write.
        """
        self.check_folder(folder)
        place = _place(folder)
        record = place / RECORD_SUFFIX
        wanted = sorted(set(names))
        own = self._own(record) or _Record(command=self.command)
        self._refuse_foreign(place, wanted, record, ())
        with _in_words(place):
            place.mkdir(parents=True, exist_ok=True)
            for name in set(own.logs).difference(wanted):
                (place / name).unlink(missing_ok=True)
            _write_record(record, _Record(command=self.command, files=own.files, logs=wanted))

    def write_json(self, path: Path | None, fields: object) -> None:
        """Write ``fields`` to ``path``: to standard output for ``-``, nowhere for None. Raises InputError."""
        if path is None:
            return
        text = canonical_json(fields)
        if str(path) == _STANDARD_OUTPUT:
            sys.stdout.write(text)
        else:
            self.write(path, text.encode())

    def write_document(self, path: Path | None, document: object) -> None:
        """Write a document, or a frozen dataclass of one, as :meth:`write_json` writes its values."""
        self.write_json(path, document_values(document))

    def _own(self, record: Path) -> _Record | None:
        """Return the record if this command wrote it, else None."""
        if not record.is_file():
            return None
        found = _read_record(record)
        return found if found is not None and found.command == self.command else None

    def _refuse_foreign(
        self, folder: Path, names: Iterable[str], record: Path, remedy: tuple[str, ...]
    ) -> None:
        if self.overwrite:
            return
        own = self._own(record) or _Record(command=self.command)
        for name in names:
            path = folder / name
            if not os.path.lexists(path) or _is_stream(path) or name in own.logs:
                continue
            known = own.files.get(name)
            if known is not None and path.is_file() and sha256_of(path) in known:
                continue
            made_by_others = f"is there already, and {self.command} did not write it"
            raise InputError(
                made_by_others if known is None else "was changed since it was written",
                where=path,
                expected="a new name, or the name of a file that the same command wrote",
                remedy=(*remedy, "name another file", "--overwrite: replace it"),
            )

    def _replace(
        self,
        folder: Path,
        files: Mapping[str, bytes],
        last: str,
        record: Path,
        *,
        removes_stale: bool = False,
        removes: Collection[str] = (),
    ) -> None:
        """Write files that belong together. The module says what is left if the command is killed."""
        for name in files:
            _check_place(folder / name)
        digests = {name: [hashlib.sha256(content).hexdigest()] for name, content in files.items()}
        changed = [name for name in files if not _holds(folder / name, digests[name][0])]
        self._refuse_foreign(folder, changed, record, ())
        if len(changed) > 1:
            changed = list(files)
        own = self._own(record) or _Record(command=self.command)
        stale = [name for name in own.files if (removes_stale or name in removes) and name not in files]
        stale = [name for name in stale if _holds(folder / name, *own.files[name])]
        both = {name: sorted({*own.files.get(name, ()), *digests[name]}) for name in files}
        kept = {name: known for name, known in own.files.items() if name not in files}
        partials: dict[str, Path] = {}
        with _in_words(folder):
            try:
                for name in changed:
                    path = folder / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    partials[name] = path.with_name(f".{path.name}.{os.getpid()}")
                    partials[name].write_bytes(files[name])
                folder.mkdir(parents=True, exist_ok=True)
                _write_record(record, _Record(command=self.command, files={**kept, **both}, logs=own.logs))
                if len(changed) > 1:
                    (folder / last).unlink(missing_ok=True)
                for name in sorted(changed, key=lambda one: one == last):
                    partials.pop(name).replace(folder / name)
            finally:
                for partial in partials.values():
                    partial.unlink(missing_ok=True)
            for name in stale:
                (folder / name).unlink(missing_ok=True)
                kept.pop(name)
            kept = kept if not removes_stale else {}
            _write_record(record, _Record(command=self.command, files={**kept, **digests}, logs=own.logs))


def writer_of(options: argparse.Namespace) -> Writer:
    """Return the writer of a command. ``options`` contain the name of the command."""
    return Writer(command=options.command, overwrite=options.overwrite)


def _place(path: Path) -> Path:
    """Return the real path of a file. So the target of a link is written, and the link stays."""
    if _is_stream(path):
        return path
    try:
        return real_path(path)
    except (OSError, ValueError) as error:
        raise InputError("cannot be written: no path can be this", where=path) from error


def _check_place(path: Path) -> None:
    """Refuse a file that cannot be written. Nothing is created."""
    with _in_words(path):
        folder = next(parent for parent in path.parents if parent.exists())
        if path.is_dir():
            raise InputError("is a folder", where=path, expected="the name of a file to write")
        if not folder.is_dir():
            raise InputError("is a file", where=folder, expected=f"a folder, to write {path.name} into")
        if _is_stream(path):
            return
        if not os.access(folder, os.W_OK):
            raise InputError(f"{path} cannot be written: the folder is read-only", where=folder)
        if os.path.lexists(path) and not os.access(path, os.W_OK):
            raise InputError("cannot be written: it is read-only, or a link that leads nowhere", where=path)
        if len(os.fsencode(path.name)) + len(RECORD_SUFFIX) + 1 > _longest_name(folder):
            raise InputError("cannot be written: its name is too long", where=path)


def _longest_name(folder: Path) -> int:
    return os.pathconf(folder, "PC_NAME_MAX") if hasattr(os, "pathconf") else 255


def _is_stream(path: Path) -> bool:
    """Return whether ``path`` is a device such as /dev/null, or a pipe, where writing replaces nothing."""
    if path.is_relative_to("/dev") or path.is_relative_to("/proc"):
        return True  # the shell decides what /dev/stdout is
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISCHR(mode) or stat.S_ISFIFO(mode)


def _write_stream(path: Path, content: bytes) -> None:
    with _in_words(path), path.open("ab") as stream:
        stream.write(content)


def _holds(path: Path, *digests: str) -> bool:
    return path.is_file() and sha256_of(path) in digests


def _record_of(path: Path) -> Path:
    return path.with_name(f".{path.name}{RECORD_SUFFIX}")


def _read_record(path: Path) -> _Record | None:
    """Return a record, or None if it is damaged. The files beside it then count as written by others."""
    with contextlib.suppress(InputError, KeyError, TypeError, ValueError, AttributeError):
        fields = read_json_object(path)
        files = {_decoded(name): [str(one) for one in known] for name, known in fields["files"].items()}
        return _Record(command=str(fields["command"]), files=files, logs=tuple(map(_decoded, fields["logs"])))
    return None


def _encoded(name: str) -> str:
    """Return the name of a file as ASCII, as in a URL, because a name may not be UTF-8."""
    return quote_from_bytes(os.fsencode(name), safe="/ ")


def _decoded(name: str) -> str:
    return os.fsdecode(unquote_to_bytes(name))


def _write_record(path: Path, record: _Record) -> None:
    fields: dict[str, Any] = {
        "about": "which files birdnet-stm32 wrote here; it replaces no others",
        "command": record.command,
        "files": {_encoded(name): list(known) for name, known in record.files.items()},
        "logs": [_encoded(name) for name in record.logs],
    }
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        partial.write_text(canonical_json(fields), encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """Turn a refusal of the file system into an error of one sentence."""
    try:
        yield
    except OSError as error:
        raise InputError(
            why_unreadable(error).replace("cannot be read", "cannot be written"), where=error.filename or path
        ) from error
