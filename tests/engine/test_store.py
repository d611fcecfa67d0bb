import json
import os
import subprocess
from pathlib import Path

import pytest

from birdnet_stm32.engine import store
from birdnet_stm32.engine.manifest import (
    MANIFEST,
    RUN,
    SUMS,
    StageManifest,
    manifest_fault,
    outputs_digest,
    read_manifest,
    read_run,
)
from birdnet_stm32.errors import InputError
from birdnet_stm32.files import json_file, regular_file
from birdnet_stm32.files.json_file import load_json


def manifest(work: Path) -> StageManifest:
    return StageManifest(
        stage="convert",
        config={"convert": {"per_tensor": False}},
        code="c0de",
        versions={"numpy": "2"},
        inputs={"train": "abc"},
        outputs=store.digest_outputs(work),
        measures={"cosine": 0.97},
        summary="a model",
        warnings=("it is small",),
    )


def published(folder: Path, text: str = "weights") -> Path:
    work = folder / ".work"
    (work / "sub").mkdir(parents=True)
    (work / "model.tflite").write_text(text)
    (work / "sub" / "convert.json").write_text("{}")
    (work / "local_stats.json").write_text("differs from run to run")
    store.publish(work, folder / "convert", manifest(work), {"seconds": 1.5})
    return folder / "convert"


def test_a_published_folder_reads_back(tmp_path: Path) -> None:
    folder = published(tmp_path)
    read = read_manifest(folder)
    assert read is not None
    assert sorted(read.outputs) == ["model.tflite", "sub/convert.json"]
    assert store.changed_outputs(folder, read) == []
    assert (read.summary, read.warnings) == ("a model", ("it is small",))
    assert read_run(folder)["seconds"] == 1.5
    assert [path.name for path in tmp_path.iterdir()] == ["convert"]


def test_equal_work_gives_equal_manifests_and_sums(tmp_path: Path) -> None:
    first, second = published(tmp_path / "a"), published(tmp_path / "b")
    for name in (MANIFEST, SUMS):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_the_sums_satisfy_sha256sum(tmp_path: Path) -> None:
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=published(tmp_path), check=True)


def test_publishing_replaces_the_folder_as_a_whole(tmp_path: Path) -> None:
    old = published(tmp_path)
    (old / "stray").write_text("from before")
    new = published(tmp_path, "other weights")
    assert new == old
    assert not (new / "stray").exists()
    assert (new / "model.tflite").read_text() == "other weights"


def test_a_changed_output_of_the_same_size_is_noticed_and_a_touched_one_is_not(tmp_path: Path) -> None:
    folder = published(tmp_path)
    read = read_manifest(folder)
    assert read is not None
    os.utime(folder / "model.tflite", (1, 1))
    assert store.changed_outputs(folder, read) == []
    (folder / "model.tflite").write_text("wEIGHTS")
    assert store.changed_outputs(folder, read) == ["model.tflite"]
    (folder / "sub" / "convert.json").unlink()
    assert store.changed_outputs(folder, read) == ["model.tflite", "sub/convert.json"]


@pytest.mark.parametrize("text", ["", "[]", "null", '{"schema": 3}', '{"schema": 2, "stage": "x"}', "{"])
def test_a_broken_manifest_counts_as_none_and_says_so(tmp_path: Path, text: str) -> None:
    folder = published(tmp_path)
    assert manifest_fault(folder) == ""
    (folder / MANIFEST).write_text(text)
    assert read_manifest(folder) is None
    assert manifest_fault(folder) == "its manifest.json is damaged"


def test_why_there_is_no_manifest_is_said(tmp_path: Path) -> None:
    assert manifest_fault(tmp_path) == "it has not been published yet"
    (tmp_path / MANIFEST).write_text('{"schema": 1}')
    assert manifest_fault(tmp_path) == "it was published by another version of this program"


def test_every_changed_byte_of_a_manifest_is_noticed(tmp_path: Path) -> None:
    folder = published(tmp_path)
    whole = (folder / MANIFEST).read_bytes()
    for position in range(len(whole)):
        (folder / MANIFEST).write_bytes(
            whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :]
        )
        assert read_manifest(folder) is None, position


def test_dependents_do_not_read_the_sums(tmp_path: Path) -> None:
    folder = published(tmp_path)
    read = read_manifest(folder)
    assert read is not None
    assert outputs_digest(read) == regular_file.sha256_of(folder / SUMS)
    assert store.sums_are_whole(folder, read)
    good = (folder / SUMS).read_text()
    for damaged in (good.replace("a", "b", 1), good[:-1], ""):
        (folder / SUMS).write_text(damaged)
        assert not store.sums_are_whole(folder, read)
        store.restore_sums(folder, read)
        assert (folder / SUMS).read_text() == good
    (folder / SUMS).unlink()
    assert not store.sums_are_whole(folder, read)


def rot(path: Path) -> None:
    """Change a byte and leave size and modification time, as a restored backup or a bad disk does."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_file_put_back_with_its_old_time_is_noticed(tmp_path: Path) -> None:
    folder = published(tmp_path)
    read = read_manifest(folder)
    assert read is not None
    rot(folder / "model.tflite")
    assert store.changed_outputs(folder, read) == ["model.tflite"]


def test_a_byte_that_changes_under_the_file_system_is_found_by_reading_all(tmp_path: Path) -> None:
    folder = published(tmp_path)
    read = read_manifest(folder)
    assert read is not None
    rot(folder / "model.tflite")
    run = read_run(folder)
    status = (folder / "model.tflite").stat()  # as if not even the status had moved
    run["stats"]["model.tflite"] = [status.st_size, status.st_mtime_ns, status.st_ctime_ns]
    (folder / RUN).write_text(json_file.canonical_json(run))
    assert store.changed_outputs(folder, read) == []
    assert store.damaged_outputs(folder, read) == ["model.tflite"]


def test_damaged_caches_of_a_stage_are_noticed(tmp_path: Path) -> None:
    folder = published(tmp_path)
    assert store.local_files_are_whole(folder)
    (folder / "local_stats.json").write_text("differs from what was written")
    assert not store.local_files_are_whole(folder)
    assert not store.local_files_are_whole(tmp_path / "nothing")


def test_a_lost_stat_cache_costs_a_read_and_nothing_else(tmp_path: Path) -> None:
    folder = published(tmp_path)
    (folder / RUN).unlink()
    read = read_manifest(folder)
    assert read is not None
    assert store.changed_outputs(folder, read) == []


def test_an_unreadable_file_of_an_earlier_stage_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run doit again"):
        load_json(tmp_path / "verify.json")


def test_canonical_json_does_not_depend_on_the_order_of_keys() -> None:
    assert json_file.canonical_json({"b": 1, "a": 2}) == json_file.canonical_json({"a": 2, "b": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_file.canonical_json(json.loads("NaN"))


def test_what_a_stage_has_come_to_is_kept_for_the_same_inputs_alone(tmp_path: Path) -> None:
    final = tmp_path / "train"
    own = store.unfinished_of(final, [{"train": {"epochs": 3}}])
    assert not own.exists()
    own.mkdir(parents=True)
    (own / "training.state").touch()
    assert store.unfinished_of(final, [{"train": {"epochs": 3}}]) == own
    assert (own / "training.state").exists()
    assert store.unfinished_of(final, [{"train": {"epochs": 4}}]) != own
    assert list(store.unfinished(final).iterdir()) == []
