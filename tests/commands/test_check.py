"""``check`` reads all published files, and names what is damaged and how to make it anew."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from birdnet_stm32.engine import store
from birdnet_stm32.engine.build_lock import BuildLock
from birdnet_stm32.engine.manifest import StageManifest
from birdnet_stm32.files import tree
from birdnet_stm32.release.bundle import BundleFile, build_bundle
from birdnet_stm32.release.manifest import Role, bundle_file_name


def publish(folder: Path, files: dict[str, str]) -> None:
    work = folder.with_name(".work")
    tree.write_tree(work, {name: text.encode() for name, text in files.items()})
    manifest = StageManifest(
        stage=folder.name,
        config={},
        code="",
        versions={},
        inputs={},
        outputs=store.digest_outputs(work),
        measures={},
        summary="",
        warnings=(),
    )
    store.publish(work, folder, manifest, {})


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "variants").mkdir()
    (tmp_path / "variants" / "mine.toml").write_text("[variant]\ntitle = 'x'\n[index]\nroot = 'songs'\n")
    folder = tmp_path / "build" / "mine"
    publish(folder / "verify", {"model.tflite": "weights", "labels.txt": "wren"})
    publish(folder / "candidate" / "ptq", {"candidate.tflite": "weights"})
    return folder


def test_a_whole_build_is_said_to_be_whole(command: Callable[..., Any], built: Path) -> None:
    for arguments in (["mine"], []):
        ended = command("check", *arguments)
        assert (ended.exit_code, ended.err) == (0, "")
        lines = ended.out.splitlines()
        assert "verify:mine: 2 files as they were published" in lines
        assert "candidate:mine/ptq: 1 file as they were published" in lines
        assert "index:mine: not published" in lines


def test_a_byte_that_rots_is_named_with_its_remedy(command: Callable[..., Any], built: Path) -> None:
    model = built / "verify" / "model.tflite"
    status = model.stat()
    model.write_bytes(b"wEights")
    os.utime(model, ns=(status.st_atime_ns, status.st_mtime_ns))
    ended = command("check", "mine", "--json", "-")
    assert ended.exit_code == 1
    assert "verify:mine: model.tflite is not what was published" in ended.err
    assert "try: doit clean verify:mine, which removes what is damaged" in ended.err
    assert "try: doit bundle:mine" in ended.err
    assert json.loads(ended.out)["verify:mine"] == ["model.tflite is not what was published"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("labels.txt", None, "labels.txt is missing"),
        ("manifest.json", "{}", "its manifest.json is damaged"),
        ("manifest.json", None, "it has not been published yet"),
        ("SHA256SUMS", "", "SHA256SUMS is not what was published"),
    ],
)
def test_whatever_else_is_damaged_is_named(
    command: Callable[..., Any], built: Path, name: str, text: str | None, said: str
) -> None:
    path = built / "verify" / name
    path.unlink() if text is None else path.write_text(text)
    ended = command("check", "mine")
    assert ended.exit_code == 1
    assert f"verify:mine: {said}" in ended.err


def test_a_build_at_work_is_waited_for(command: Callable[..., Any], built: Path) -> None:
    lock = BuildLock(built)
    lock.hold(print)
    try:
        ended = command("check", "mine")
    finally:
        lock.release()
    assert ended.exit_code == 2
    assert f"process {os.getpid()} has been building mine since" in ended.err
    assert command("check", "mine").exit_code == 0


def test_a_bundle_is_verified(command: Callable[..., Any], tmp_path: Path) -> None:
    target = tmp_path / "any.zip"
    files = [BundleFile(path="a", source=b"wren", role=Role.LABELS)]
    listed = build_bundle(target, files, variant="mine", title="Mine", version="1.0.0")
    target = target.rename(tmp_path / bundle_file_name(listed))
    ended = command("check", target)
    assert ended.exit_code == 0
    assert f"{target.name}: mine 1.0.0, build {target.stem[-8:]}: 1 file" in ended.out
    raw = bytearray(target.read_bytes())
    raw[60] ^= 0xFF  # in the packed bytes of the first member
    target.write_bytes(raw)
    ended = command("check", target)
    assert ended.exit_code in (1, 2)
    assert "Traceback" not in ended.err
    assert command("check", tmp_path / "gone.zip").exit_code == 2


def test_what_a_bundle_says_is_not_obeyed_by_the_terminal(
    command: Callable[..., Any], tmp_path: Path
) -> None:
    target = tmp_path / "any.zip"
    build_bundle(target, [], variant="\x1b[2Jmine", title="", version="1" * 10_000)
    ended = command("check", target)
    assert ended.exit_code == 0
    assert "\x1b" not in ended.out
    assert "\\x1b[2Jmine" in ended.out
    assert len(ended.out) < 2_000


def test_a_variant_that_is_not_there_is_named(command: Callable[..., Any], built: Path) -> None:
    ended = command("check", "yours")
    assert ended.exit_code == 2
    assert "there is no variant 'yours'" in ended.err
