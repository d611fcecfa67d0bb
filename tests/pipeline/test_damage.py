"""Files that changed behind doit's back: found, named, and never used."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from birdnet_stm32.engine import published, store
from birdnet_stm32.engine.manifest import MANIFEST, RUN, SUMS, read_manifest, read_run
from birdnet_stm32.files import json_file

pytestmark = [pytest.mark.slow, pytest.mark.emulated]


def command(checkout: Any, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "birdnet_stm32", *arguments],
        cwd=checkout.root,
        env=checkout.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def flip(path: Path) -> None:
    """Change a bit; size and modification time stay."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def rot(folder: Path, name: str) -> None:
    """Change a bit as a disk does: nothing that the file system knows has moved."""
    flip(folder / name)
    run = read_run(folder)
    run["stats"] = {path: store._stat(folder / path) for path in run["stats"]}
    (folder / RUN).write_text(json_file.canonical_json(run), encoding="utf-8")


def test_a_file_put_back_with_its_old_time_is_made_anew(checkout: Any) -> None:
    flip(checkout.folder("verify") / "model.tflite")
    assert checkout.ran() == {"verify"}
    assert checkout.ran() == set()


def test_a_rotten_bit_is_found_and_the_remedy_works(checkout: Any) -> None:
    before = checkout.bundle()
    rot(checkout.folder("verify"), "model.tflite")
    assert checkout.ran() == set(), "nobody can know without reading"
    shutil.rmtree(checkout.folder("bundle"))
    refused = checkout.doit("bundle:tiny")
    assert refused.returncode == 2
    assert "model.tflite: is not what the stage verify published" in refused.stdout
    assert "try: doit clean verify:tiny" in refused.stdout
    assert "Traceback" not in refused.stdout
    assert not checkout.folder("bundle").exists()

    checked = command(checkout, "check", "tiny")
    assert checked.returncode == 1
    assert "verify:tiny: model.tflite is not what was published" in checked.stderr
    assert "compile:tiny: " in checked.stdout
    assert checkout.doit("clean", "verify:tiny").returncode == 0
    assert checkout.ran() == {"verify", "bundle"}
    assert checkout.bundle() == before
    assert command(checkout, "check", "tiny").returncode == 0
    assert command(checkout, "check", str(checkout.bundle_path)).returncode == 0


def test_damaged_sums_are_written_again_and_nothing_else_runs(checkout: Any) -> None:
    sums = checkout.folder("train") / SUMS
    good, model = sums.read_bytes(), (checkout.folder("train") / "model.keras").stat().st_mtime_ns
    flip(sums)
    why = command(checkout, "why", "train:tiny")
    assert why.stdout == "train:tiny: SHA256SUMS was changed or removed\n"
    assert checkout.ran() == {"train"}
    assert sums.read_bytes() == good
    assert (checkout.folder("train") / "model.keras").stat().st_mtime_ns == model, "it was not trained again"
    assert checkout.ran() == set()


@pytest.mark.parametrize("name", ["manifest.json", "run.json"])
def test_damaged_records_change_no_release(checkout: Any, name: str) -> None:
    before = checkout.bundle()
    for stage in ("analyze", "index"):
        flip(checkout.folder(stage) / name)
    assert checkout.ran() == ({"analyze", "index"} if name == "manifest.json" else set())
    shutil.rmtree(checkout.folder("report"))
    assert checkout.ran() == {"report"}
    assert checkout.bundle() == before


HOOK = """\
import sys
log = open({log!r}, "a", buffering=1)
def hook(event, arguments):
    if event in ("open", "os.mkdir", "os.rename") and isinstance(arguments[0], str):
        if arguments[0].startswith({build!r}):
            log.write(event + "\\t" + arguments[0] + "\\n")
sys.addaudithook(hook)
"""


DECODED_BEFORE = {
    *("all.pcm", "local_decoding.json", "manifest.json", "window_shape.json"),
    *("recordings.parquet", "windows.parquet", "label_sets.parquet"),
}


def test_a_stage_reads_only_what_is_recorded(checkout: Any, tmp_path: Path) -> None:
    """Every file that a stage opens below the build is a recorded output of a stage that it needs.

    Looked at from the making of its work folder until that is renamed. Files that native code opens are not
    seen.
    """
    log, root = tmp_path / "opened", checkout.build / "tiny"
    hook = HOOK.format(log=str(log), build=str(root))
    (checkout.root / "sitecustomize.py").write_text(hook, encoding="utf-8")
    built = checkout.doit("-a", "bundle:tiny")
    assert built.returncode == 0, built.stdout

    opened: dict[str, set[str]] = {}
    working: Path | None = None
    for line in log.read_text(encoding="utf-8").splitlines():
        event, _, name = line.partition("\t")
        path = Path(name)
        if event == "os.mkdir" and re.fullmatch(r"\.\w+\.\d+", path.name):
            working = path
        elif event == "os.rename" and path == working:
            working = None
        elif event == "open" and working is not None and working not in path.parents and path.is_file():
            stage = (working.parent / working.name[1:].rpartition(".")[0]).relative_to(root).as_posix()
            opened.setdefault(stage, set()).add(path.relative_to(root).as_posix())
    assert len(opened) >= 12
    for stage, names in opened.items():
        manifest = read_manifest(root / stage)
        assert manifest is not None
        needs = {key for key in manifest.inputs if (root / key / MANIFEST).is_file()}
        allowed = {f"{need}/{name}" for need in needs for name in published.recorded_digests(root / need)}
        allowed |= {f"{need}/{MANIFEST}" for need in needs}  # which has a checksum of its own
        own = {name for name in names if name.startswith(f"{stage}/") or name == f"{stage}.log"}
        assert names - allowed - own == set(), stage
        if stage in ("windows", "evaluation_windows"):  # recordings that they decoded before
            own = {name for name in own if Path(name).name not in DECODED_BEFORE}
        assert {Path(name).name for name in own} <= {
            *("local_measures.json", "local_speed.json", "run.json", f"{stage}.log")
        }
