import json
import os
import subprocess
from pathlib import Path

import pytest
from doit.dependency import JSONCodec

from birdnet_stm32 import store
from birdnet_stm32.errors import InputError


def manifest(work: Path) -> store.Manifest:
    return store.Manifest(
        stage="convert",
        config={"convert": {"per_tensor": False}},
        code="c0de",
        versions={"numpy": "2"},
        inputs={"train": "abc"},
        outputs=store.digest_outputs(work),
        measures={"cosine": 0.97},
    )


def published(folder: Path, text: str = "weights") -> Path:
    work = folder / ".work"
    (work / "sub").mkdir(parents=True)
    (work / "model.tflite").write_text(text)
    (work / "sub" / "convert.json").write_text("{}")
    (work / "local_stats.json").write_text("differs from run to run")
    store.publish(work, folder / "convert", manifest(work), {"seconds": 1.5, "summary": "a model"})
    return folder / "convert"


def test_a_published_folder_reads_back(tmp_path: Path) -> None:
    folder = published(tmp_path)
    read = store.read_manifest(folder)
    assert read is not None
    assert sorted(read.outputs) == ["model.tflite", "sub/convert.json"]
    assert store.changed_outputs(folder, read) == []
    assert store.read_run(folder)["summary"] == "a model"
    assert [path.name for path in tmp_path.iterdir()] == ["convert"]


def test_equal_work_gives_equal_manifests_and_sums(tmp_path: Path) -> None:
    first, second = published(tmp_path / "a"), published(tmp_path / "b")
    for name in (store.MANIFEST, store.SUMS):
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
    read = store.read_manifest(folder)
    assert read is not None
    os.utime(folder / "model.tflite", (1, 1))
    assert store.changed_outputs(folder, read) == []
    (folder / "model.tflite").write_text("wEIGHTS")
    assert store.changed_outputs(folder, read) == ["model.tflite"]
    (folder / "sub" / "convert.json").unlink()
    assert store.changed_outputs(folder, read) == ["model.tflite", "sub/convert.json"]


@pytest.mark.parametrize("text", ["", "[]", "null", '{"schema": 0}', '{"schema": 1, "stage": "x"}', "{"])
def test_a_broken_manifest_counts_as_none(tmp_path: Path, text: str) -> None:
    folder = published(tmp_path)
    (folder / store.MANIFEST).write_text(text)
    assert store.read_manifest(folder) is None


def test_a_lost_stat_cache_costs_a_read_and_nothing_else(tmp_path: Path) -> None:
    folder = published(tmp_path)
    (folder / store.RUN).unlink()
    read = store.read_manifest(folder)
    assert read is not None
    assert store.changed_outputs(folder, read) == []


def test_an_unreadable_file_of_an_earlier_stage_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run doit again"):
        store.load_json(tmp_path / "verify.json")


def test_canonical_json_does_not_depend_on_the_order_of_keys() -> None:
    assert store.canonical_json({"b": 1, "a": 2}) == store.canonical_json({"a": 2, "b": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.canonical_json(json.loads("NaN"))


def test_state_is_on_disk_before_doit_ends(tmp_path: Path) -> None:
    running = store.DurableState(str(tmp_path / "db"), JSONCodec())
    running.set("convert:demo", "result:", "done")
    other = store.DurableState(str(tmp_path / "db"), JSONCodec())  # as if the first had been killed
    assert other.get("convert:demo", "result:") == "done"
    other.dump()
    running.dump()
