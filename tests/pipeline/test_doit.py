"""What people type and read: doit's own commands on the pipeline."""

from __future__ import annotations

import re
import shutil
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.emulated]


def test_the_first_build_ends_with_a_table_and_its_products(pristine: Any) -> None:
    text = (pristine.root / "printed.txt").read_text(encoding="utf-8")
    assert re.search(r"^stage +state +seconds +what came out", text, re.MULTILINE)
    assert re.search(r"^index:tiny +ran +\d+\.\d+ +9 recordings of 2 classes", text, re.MULTILINE)
    assert f"bundle: build/tiny/bundle/{pristine.bundle_path.name}\n" in text
    assert "report: build/tiny/report/report.html\n" in text
    for noise in ("Warning", "Traceback", "oneDNN", "absl"):
        assert noise not in text


def test_a_second_build_runs_nothing(checkout: Any) -> None:
    again = checkout.doit("bundle:tiny")
    assert again.returncode == 0
    rows = re.findall(r"^(\w+):tiny[^\s:]* +(ran|up to date|\w+) ", again.stdout, re.MULTILINE)
    assert len(rows) == 20
    assert {state for _, state in rows} == {"up to date"}
    assert f"bundle: build/tiny/bundle/{checkout.bundle_path.name}\n" in again.stdout


def test_list_names_every_stage(checkout: Any) -> None:
    listed = checkout.doit("list", "--all", "--status")
    assert listed.returncode == 0
    assert re.search(r"^U bundle:tiny +zip the release", listed.stdout, re.MULTILINE)
    assert "fetch:tiny" not in listed.stdout  # the variant downloads nothing


def test_info_says_why_a_stage_would_run(checkout: Any) -> None:
    text = checkout.variant.read_text(encoding="utf-8")
    checkout.variant.write_text(text.replace("windows = 2", "windows = 3"), encoding="utf-8")
    (checkout.folder("emulate") / "console.txt").unlink()
    stale = checkout.doit("info", "emulate:tiny")
    assert "run" in stale.stdout
    assert "emulate of tiny.toml changed" in stale.stdout
    assert "output console.txt was changed or removed" in stale.stdout
    assert "up-to-date" in checkout.doit("info", "compile:tiny").stdout


def test_clean_removes_what_was_published(checkout: Any) -> None:
    cleaned = checkout.doit("clean", "compile:tiny")
    assert cleaned.returncode == 0
    assert checkout.published() >= {"firmware", "emulate"}
    assert not checkout.folder("compile").exists()
    assert checkout.doit("clean", "--clean-all").returncode == 0
    assert checkout.published() == set()


def test_forget_makes_a_stage_run(checkout: Any) -> None:
    assert checkout.doit("forget", "analyze:tiny").returncode == 0
    assert checkout.ran() == {"analyze"}


@pytest.mark.parametrize("arguments", [(), ("info",), ("list",), ("clean",), ("forget",), ("ignore",)])
def test_an_unknown_task_is_named_with_the_one_that_was_meant(
    arguments: tuple[str, ...], checkout: Any
) -> None:
    wrong = checkout.doit(*arguments, "bundle:tinny")
    assert wrong.returncode == 3
    assert "'bundle:tinny'\n  try: did you mean bundle:tiny?\n" in wrong.stdout
    assert "Traceback" not in wrong.stdout


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("typo", "[variant]\ntitel = 'x'\n[index]\nroot = '.'\n", "variant.ti"),
        ("broken", "[variant\n", "is not valid TOML"),
        ("rootless", "[variant]\ntitle = 'x'\n", "put recordings into"),
    ],
)
def test_a_wrong_variant_file_is_an_error_with_its_line(
    name: str, text: str, message: str, checkout: Any
) -> None:
    (checkout.variant.parent / f"{name}.toml").write_text(text, encoding="utf-8")
    wrong = checkout.doit(f"bundle:{name}")
    assert wrong.returncode == 2
    assert f"variants/{name}.toml" in wrong.stdout
    assert message in wrong.stdout
    assert "Traceback" not in wrong.stdout
    other = checkout.doit("bundle:tiny")
    assert other.returncode == 0, "one broken variant stops no other"
    assert f"variants/{name}.toml" in other.stdout


def test_recordings_in_data_train_need_no_key(checkout: Any) -> None:
    shutil.copytree(checkout.root / "recordings", checkout.root / "data" / "train")
    (checkout.variant.parent / "mine.toml").write_text('[variant]\ntitle = "x"\n', encoding="utf-8")
    built = checkout.doit("index:mine")
    assert built.returncode == 0, built.stdout
    assert "9 recordings of 2 classes and background" in " ".join(built.stdout.split())
    shutil.rmtree(checkout.root / "data" / "train" / "Corvus corax")
    again = checkout.doit("index:mine")
    assert "6 recordings" in " ".join(again.stdout.split())


def test_a_missing_checkpoint_is_named(checkout: Any) -> None:
    keys = 'checkpoint = "gone.keras"\nconfig = "gone.json"\n'
    text = f'[variant]\ntitle = "x"\n[index]\nroot = "../recordings"\n[model]\n{keys}'
    (checkout.variant.parent / "other.toml").write_text(text, encoding="utf-8")
    wrong = checkout.doit("convert:other")
    assert wrong.returncode == 2
    assert "variants/other.toml: the checkpoint is missing: there is no file" in wrong.stdout
    assert "Traceback" not in wrong.stdout


def test_a_missing_program_is_named_with_its_package(checkout: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    wrong = checkout.doit("compile:tiny")
    assert wrong.returncode == 2
    assert "is not installed" in wrong.stdout
    assert "try: sudo apt-get install" in wrong.stdout
    assert "Traceback" not in wrong.stdout


def test_a_folder_without_recordings_is_named(checkout: Any) -> None:
    for recording in (checkout.root / "recordings").rglob("take_*"):
        recording.unlink()
    wrong = checkout.doit("bundle:tiny")
    assert wrong.returncode == 2
    assert "holds no audio file" in wrong.stdout
    assert "Traceback" not in wrong.stdout


def test_a_folder_without_variants_is_named(checkout: Any) -> None:
    checkout.variant.unlink()
    wrong = checkout.doit("list")
    assert wrong.returncode == 3
    assert "holds no variant" in wrong.stdout
    assert "Traceback" not in wrong.stdout
