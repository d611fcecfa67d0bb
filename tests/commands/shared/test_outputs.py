"""No command replaces a file that it did not write. It replaces its own files together or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from birdnet_stm32.commands.shared.outputs import Writer
from birdnet_stm32.errors import InputError

TRAIN = Writer(command="train", overwrite=False)
OTHER = Writer(command="convert", overwrite=False)
FORCED = Writer(command="train", overwrite=True)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file except the hidden records."""
    files = (
        path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".birdnet-stm32")
    )
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_same_command_writes_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x.json"
    for content in (b"one", b"two", b"two"):
        TRAIN.check(path)
        TRAIN.write(path, content)
    assert tree(tmp_path) == {"new/x.json": b"two"}


@pytest.mark.parametrize("writer", [TRAIN, OTHER])
def test_a_file_of_the_users_is_never_replaced(tmp_path: Path, writer: Writer) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"mine")
    for attempt in (lambda: writer.check(path), lambda: writer.write(path, b"new")):
        with pytest.raises(InputError, match=rf"is there already, and {writer.command} did not write it"):
            attempt()
    assert tree(tmp_path) == {"x.json": b"mine"}


def test_a_file_of_another_command_is_not_replaced(tmp_path: Path) -> None:
    TRAIN.write(tmp_path / "x.json", b"one")
    with pytest.raises(InputError, match="convert did not write it"):
        OTHER.check(tmp_path / "x.json")


def test_a_file_that_was_changed_since_is_not_replaced(tmp_path: Path) -> None:
    TRAIN.write(tmp_path / "x.json", b"one")
    (tmp_path / "x.json").write_bytes(b"edited")
    with pytest.raises(InputError, match="was changed since it was written"):
        TRAIN.check(tmp_path / "x.json")


def test_what_would_come_out_the_same_is_fine(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b"same")
    TRAIN.write(tmp_path / "x.json", b"same")


def test_overwrite_replaces_and_then_owns(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"mine")
    FORCED.check(path)
    FORCED.write(path, b"new")
    TRAIN.write(path, b"newer")
    assert tree(tmp_path) == {"x.json": b"newer"}


@pytest.mark.parametrize("record", ["", "{", "[]", '{"command": "train", "files": 3, "logs": []}', "\0"])
def test_a_damaged_record_makes_nothing_ours(tmp_path: Path, record: str) -> None:
    TRAIN.write(tmp_path / "x.json", b"one")
    (tmp_path / ".x.json.birdnet-stm32").write_text(record)
    with pytest.raises(InputError, match="did not write it"):
        TRAIN.write(tmp_path / "x.json", b"two")


def test_a_record_of_another_folder_counts_there_only(tmp_path: Path) -> None:
    TRAIN.write(tmp_path / "a" / "x.json", b"one")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.json").write_bytes(b"mine")
    (tmp_path / "b" / ".x.json.birdnet-stm32").write_bytes(
        (tmp_path / "a/.x.json.birdnet-stm32").read_bytes()
    )
    with pytest.raises(InputError, match="changed since"):
        TRAIN.write(tmp_path / "b" / "x.json", b"two")


def test_links_are_followed_and_stay(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "x.json")
    TRAIN.write(tmp_path / "link.json", b"one")
    TRAIN.write(tmp_path / "link.json", b"two")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "x.json").read_bytes() == b"two"
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match="loop"):
        TRAIN.check(tmp_path / "loop")


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b", "a" * 250, "a" * 5_000, "b/" * 3_000 + "c"])
def test_names_that_no_file_can_have(tmp_path: Path, name: str) -> None:
    for attempt in (TRAIN.check, TRAIN.check_folder):
        with contextlib.suppress(InputError):  # a folder of 250 letters can be
            attempt(tmp_path / name)
    with pytest.raises(InputError):
        TRAIN.write(tmp_path / name, b"x")
    assert not tree(tmp_path)


def test_devices_and_pipes_are_written_to_and_stay(tmp_path: Path) -> None:
    TRAIN.check(Path("/dev/null"))
    TRAIN.write(Path("/dev/null"), b"x")
    assert Path("/dev/null").is_char_device()
    os.mkfifo(tmp_path / "pipe")
    with os.fdopen(os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK), "rb") as reader:
        TRAIN.write(tmp_path / "pipe", b"through")
        assert reader.read() == b"through"


def test_two_outputs_are_two_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="named for two outputs"):
        TRAIN.check(tmp_path / "x", tmp_path / "y" / ".." / "x")


def test_a_model_is_replaced_with_all_that_belongs_to_it_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    TRAIN.write_model(path, b"1", {"m_labels.txt": b"a\n", "m.json": b"1"})
    TRAIN.write_model(path, b"2", {"m_labels.txt": b"b\n", "m.json": b"2"})
    assert tree(tmp_path) == {"m.keras": b"2", "m_labels.txt": b"b\n", "m.json": b"2"}
    (tmp_path / "m_labels.txt").write_bytes(b"my names\n")
    with pytest.raises(InputError, match=r"m_labels\.txt: was changed"):
        TRAIN.check_model(path, ["m_labels.txt", "m.json"])
    with pytest.raises(InputError, match=r"m_labels\.txt: was changed"):
        TRAIN.write_model(path, b"3", {"m_labels.txt": b"c\n", "m.json": b"3"})
    assert tree(tmp_path) == {"m.keras": b"2", "m_labels.txt": b"my names\n", "m.json": b"2"}


@pytest.mark.parametrize("fails_at", range(1, 12))
def test_killed_anywhere_a_model_is_old_new_or_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    """The process is killed after each rename, write and removal in turn."""
    path, old = tmp_path / "m.keras", {"m_labels.txt": b"a\n", "m.json": b"1"}
    TRAIN.write_model(path, b"1", old)
    steps = 0

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **keywords: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps >= fails_at:
                raise KeyboardInterrupt
            return real(*arguments, **keywords)

        return step

    with monkeypatch.context() as patched, contextlib.suppress(KeyboardInterrupt):
        for name in ("replace", "unlink", "write_bytes", "write_text"):
            patched.setattr(Path, name, dying(getattr(Path, name)))
        TRAIN.write_model(path, b"2", {"m_labels.txt": b"b\n", "m.json": b"2"})
    found = {name: content for name, content in tree(tmp_path).items() if not name.startswith(".")}
    if "m.keras" in found:
        assert found in ({"m.keras": b"1", **old}, {"m.keras": b"2", "m_labels.txt": b"b\n", "m.json": b"2"})
    TRAIN.write_model(path, b"3", {"m_labels.txt": b"c\n", "m.json": b"3"})  # and it can be run again
    assert (tmp_path / "m.keras").read_bytes() == b"3"


def test_a_full_disk_leaves_the_old_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.keras"
    TRAIN.write_model(path, b"1", {"m.json": b"1"})

    def full(self: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match="cannot be written: the disk is full"):
        TRAIN.write_model(path, b"2", {"m.json": b"2"})
    assert tree(tmp_path) == {"m.keras": b"1", "m.json": b"1"}


def test_a_folder_is_written_as_a_whole_and_keeps_what_others_put_there(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    TRAIN.write_folder(
        folder, {"a/x.c": b"1", "old.c": b"1", "edited.c": b"1", "end.json": b"1"}, last="end.json"
    )
    (folder / "main.c").write_bytes(b"mine")
    (folder / "edited.c").write_bytes(b"mine too")
    TRAIN.write_folder(folder, {"a/x.c": b"2", "end.json": b"2"}, last="end.json")
    assert tree(folder) == {"a/x.c": b"2", "end.json": b"2", "main.c": b"mine", "edited.c": b"mine too"}
    with pytest.raises(InputError, match=r"main\.c: is there already"):
        TRAIN.write_folder(folder, {"main.c": b"ours", "end.json": b"3"}, last="end.json")
    assert tree(folder)["end.json"] == b"2"


@pytest.mark.parametrize("writer", [TRAIN, OTHER])
def test_a_folder_of_others_is_refused(tmp_path: Path, writer: Writer) -> None:
    (tmp_path / "network.json").write_text("{}")
    with pytest.raises(InputError, match="holds files that this command did not write"):
        writer.check_folder(tmp_path)
    with pytest.raises(InputError, match="holds files that this command did not write"):
        writer.write_folder(tmp_path, {"x": b""}, last="x")


def test_logs_grow_in_a_folder_of_their_command(tmp_path: Path) -> None:
    folder = tmp_path / "npu"
    TRAIN.register_logs(folder, "a.log")
    (folder / "a.log").write_text("said")
    (folder / "b.log").write_text("mine")
    TRAIN.register_logs(folder, "a.log")
    with pytest.raises(InputError, match=r"b\.log: is there already"):
        TRAIN.register_logs(folder, "a.log", "b.log")
    TRAIN.write_folder(folder, {"x": b""}, last="x")
    TRAIN.register_logs(folder, "a.log")


# Every option of every command that writes, with an existing file that the command did not write.
OUTPUTS = {
    "board demo --json {}": "demo",
    "check demo --json {}": "",
    "codegen noise.tflite --out c --json {}": "",
    "convert --checkpoint_path noise.keras --data_path_train songs --output_path {}": "",
    "convert --checkpoint_path noise.keras --data_path_train songs --report_json {}": "",
    "doctor --checkpoint_path noise.keras --data_path_train songs --json {}": "",
    "emulate noise.tflite --audio songs --json {}": "",
    "evaluate --model_path noise.tflite --data_path_test songs --json {}": "",
    "evaluate --model_path noise.tflite --data_path_test songs --predictions {}": "",
    "evaluate --model_path noise.tflite --data_path_test songs --report_html {}": "",
    "frontend songs/low/0.wav --model-config config.json --json {}": "",
    "image firmware.bin --out precious.hex": "",
    "image firmware.bin --out x.hex --json {}": "",
    "layers --checkpoint_path noise.keras --model_path noise.tflite --data_path_train songs --json {}": "",
    "lint noise.tflite --json {}": "",
    "npu noise.tflite --out c --json {}": "",
    "profile noise.tflite --json {}": "",
    "train --data_path_train songs --checkpoint_path precious.keras": "",
    "train --data_path_train songs --json {}": "",
    "train --data_path_train songs --checkpoint_path with_labels.keras": "",
    "train --qat --data_path_train songs --checkpoint_path noise.keras --json {}": "",
    "why demo --json {}": "demo",
}


@pytest.mark.parametrize("line", OUTPUTS)
def test_no_command_replaces_a_file_of_the_users(command: Callable[..., Any], files: Path, line: str) -> None:
    mine = {
        "precious.json": b'{"mine": 1}',
        "precious.hex": b":00000001FF",
        "precious.keras": b"months of work",
        "with_labels_labels.txt": b"my labels\n",
    }
    for name, content in mine.items():
        (files / name).write_bytes(content)
    before = tree(files)
    ended = command(*line.format("precious.json").split())
    assert ended.exit_code == 2
    assert "is there already, and" in ended.err
    assert "--overwrite" in ended.err
    assert tree(files) == before


def test_who_wants_to_start_from_a_checkpoint_is_told_how(command: Callable[..., Any], files: Path) -> None:
    ended = command("train", "--data_path_train", "songs", "--checkpoint_path", "noise.keras")
    assert ended.exit_code == 2
    assert "noise.keras: is there already, and train did not write it" in ended.err
    assert "--qat fine-tunes this checkpoint" in ended.err
    assert "--start" in ended.err


def test_the_same_command_line_twice(command: Callable[..., Any], files: Path) -> None:
    line = "frontend songs/low/0.wav --model-config config.json --json stages.json"
    assert command(*line.split()).exit_code == 0
    assert command(*line.split()).exit_code == 0
    (files / "stages.json").write_text("{}")
    assert command(*line.split()).exit_code == 2
    assert command(*line.split(), "--overwrite").exit_code == 0
    assert command(*line.split()).exit_code == 0
