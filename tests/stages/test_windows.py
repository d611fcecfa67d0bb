from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from birdnet_stm32.audio.shards import write_shards
from birdnet_stm32.audio.windows.window_positions import window_starts
from birdnet_stm32.config.variant import Variant
from birdnet_stm32.engine import store
from birdnet_stm32.engine.manifest import read_manifest
from birdnet_stm32.engine.release import Release
from birdnet_stm32.engine.run_stage import run_stage
from birdnet_stm32.errors import InputError
from birdnet_stm32.stages.catalog import BY_NAME, folders_needed
from birdnet_stm32.stages.inputs.windows import open_window_set

RATE_HZ = 8_000


def write(root: Path, path: str, seed: int, seconds: float = 3.0) -> None:
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    call = np.sin(2 * np.pi * 2_500 * time_s) * (np.abs(time_s - 1.2) < 0.2)
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(root / path, 0.3 * call + rng.normal(0, 0.01, len(time_s)), RATE_HZ)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Recordings of two species and background, and the stages index and windows."""
    root = tmp_path / "recordings"
    for number in range(6):
        for label in ("Parus major", "Strix aluco", "background"):
            write(root, f"{label}/{number}.wav", hash_of(f"{label}{number}"))
    decoded: list[str] = []
    decode_blocks = write_shards.decode.decode_blocks

    def counted(path: Path, *arguments: object, **options: object) -> object:
        decoded.append(path.relative_to(root).as_posix())
        return decode_blocks(path, *arguments, **options)

    monkeypatch.setattr(write_shards.decode, "decode_blocks", counted)

    def run(
        stages: tuple[str, ...] = ("index", "windows"), test_share: float = 0.0, **windows: object
    ) -> str:
        fields = {
            "variant": {"title": "Small"},
            "index": {"root": "recordings", "background": ["background"], "test_share": test_share},
            "windows": windows,
            "model": {"sample_rate_hz": RATE_HZ, "window_s": 0.5},
        }
        variant = Variant.model_validate_json(json.dumps(fields), strict=True)
        release = Release(name="v", path=tmp_path / "v.toml", build=tmp_path / "build", variant=variant)
        summary = ""
        for name in stages:
            stage = BY_NAME[name]
            summary = run_stage(stage, release, folders_needed(stage, release)).summary
        return summary

    folder = tmp_path / "build" / "v" / "windows"
    return SimpleNamespace(root=root, run=run, folder=folder, decoded=decoded)


def hash_of(text: str) -> int:
    return sum(ord(letter) * 31**place for place, letter in enumerate(text)) % 2**31


def test_every_recording_is_decoded_once(bench: SimpleNamespace) -> None:
    assert bench.run() == "198 windows of 0.5 s of 18 recordings in 1 shard"
    assert len(bench.decoded) == 18
    before = read_manifest(bench.folder)
    bench.decoded.clear()
    bench.run()
    assert bench.decoded == []
    after = read_manifest(bench.folder)
    assert before is not None
    assert after is not None
    assert after.outputs == before.outputs
    assert store.changed_outputs(bench.folder, after) == []


def test_the_file_of_a_shard_that_stayed_is_not_read_again(
    bench: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lies under two names for a moment, which changes the time of its status."""
    bench.run()
    bench.run()
    manifest = read_manifest(bench.folder)
    assert manifest is not None
    monkeypatch.setattr(store, "_digest_or_none", lambda path: pytest.fail(f"read {path}"))
    assert store.changed_outputs(bench.folder, manifest) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda root: write(root, "Parus major/3.wav", 999, 4.0), ["Parus major/3.wav"]),
        (lambda root: write(root, "Parus major/9.wav", 998), ["Parus major/9.wav"]),
        (lambda root: (root / "Parus major/3.wav").unlink(), []),
        (lambda root: (root / "Parus major/3.wav").rename(root / "Parus major/x.wav"), []),
        (lambda root: (root / "Parus major").rename(root / "Parus minor"), []),
    ],
    ids=["changed", "new", "removed", "renamed", "another class"],
)
def test_only_what_changed_is_decoded(
    bench: SimpleNamespace, change: Callable[[Path], object], expected: list[str]
) -> None:
    bench.run()
    bench.decoded.clear()
    change(bench.root)
    bench.run()
    assert bench.decoded == expected
    again = store.digest_outputs(bench.folder)
    store.remove(bench.folder)
    bench.run()
    assert store.digest_outputs(bench.folder) == again


def test_a_run_that_is_killed_leaves_what_was_published(
    bench: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.run()
    published = store.digest_outputs(bench.folder)
    write(bench.root, "Strix aluco/2.wav", 777)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(write_shards.decode, "decode_blocks", killed)
        with pytest.raises(KeyboardInterrupt):
            bench.run()
    assert store.digest_outputs(bench.folder) == published
    bench.decoded.clear()
    bench.run()
    assert bench.decoded == ["Strix aluco/2.wav"]


def test_a_full_disk_is_not_blamed_on_a_recording(
    bench: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(write_shards, "_write_block", full)
    with pytest.raises(InputError, match="the disk is full"):
        bench.run()
    assert not bench.folder.exists()


def test_a_shard_that_was_damaged_is_made_again(bench: SimpleNamespace) -> None:
    bench.run()
    published = store.digest_outputs(bench.folder)
    shard = bench.folder / "shards" / "all.pcm"
    content = bytearray(shard.read_bytes())
    content[5_000] ^= 64
    shard.write_bytes(content)
    bench.decoded.clear()
    bench.run()
    assert len(bench.decoded) == 18
    assert store.digest_outputs(bench.folder) == published


def test_active_windows_hold_the_call_and_the_others_are_listed(bench: SimpleNamespace) -> None:
    summary = bench.run(select="active", best=3)
    assert "not learned from: see left_out.tsv" in summary
    windows = open_window_set(bench.folder)
    species = np.array([not one.background for one in windows.recordings])[windows.recording_of]
    tested = np.array([one.split == "test" for one in windows.recordings])[windows.recording_of]
    assert windows.chosen[~species | tested].all()
    chosen = windows.where(windows.chosen & species & ~tested)
    assert np.bincount(chosen.recording_of)[np.unique(chosen.recording_of)].max() <= 3
    assert set(chosen.recording_of) == set(windows.where(species & ~tested).recording_of)
    assert (np.abs(chosen.start_s + 0.25 - 1.2) < 0.5).all()  # the call is at 1.0 to 1.4 s
    header, *lines = (bench.folder / "left_out.tsv").read_text().splitlines()
    assert header.split("\t") == ["path", "split", "start_s", "activity_db"]
    assert len(lines) == np.count_nonzero(~windows.chosen)


def test_windows_cover_every_sample(bench: SimpleNamespace) -> None:
    bench.run()
    windows = open_window_set(bench.folder)
    for number, one in enumerate(windows.recordings):
        starts = windows.start_sample[windows.recording_of == number]
        assert tuple(starts) == window_starts(one.samples, 4_000, 2_000)


def test_a_band_above_half_the_sample_rate_is_refused(bench: SimpleNamespace) -> None:
    with pytest.raises(InputError, match="holds nothing at a sample rate of 8000 Hz"):
        bench.run(band_hz=[5_000.0, 9_000.0])


def test_recordings_that_only_measure_accuracy_are_apart(bench: SimpleNamespace) -> None:
    stages = ("index", "windows", "evaluation_windows")
    bench.run(stages, 0.2)
    learned = open_window_set(bench.folder).recordings
    apart = open_window_set(bench.folder.with_name("evaluation_windows")).recordings
    assert {one.split for one in learned} == {"train", "validation"}
    assert {one.split for one in apart} == {"test"}
    assert len(learned) + len(apart) == len(bench.decoded) == 18
    before = read_manifest(bench.folder)
    write(bench.root, apart[0].path, 997)
    bench.decoded.clear()
    bench.run(stages, 0.2)
    after = read_manifest(bench.folder)
    assert bench.decoded == [apart[0].path]
    assert before is not None
    assert after is not None
    assert after.outputs == before.outputs
