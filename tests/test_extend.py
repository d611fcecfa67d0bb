"""Every section of docs/how-to/extend.md is applied to a copy of the tree, and its commands are run there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "how-to" / "extend.md"
LONGEST_LINES = 110  # of a section: what a reader takes in at once
COPIED = ("birdnet_stm32", "docs", "firmware_templates", "scripts", "tests", "variants")


def sections() -> dict[str, str]:
    """Return the text below every heading of the page that adds something."""
    parts = re.split(r"^## (Add .+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def fenced(text: str, language: str) -> str:
    """Return all blocks of one language, joined."""
    return "".join(re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))


def run(command: Sequence[str], folder: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    # A pytest that believes to be a worker of this run would share folders with it.
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        command,
        cwd=folder,
        env=own | {"PATH": path, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source tree with every section applied, one after the other."""
    root = tmp_path_factory.mktemp("extended")
    for name in COPIED:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, root)
    for title, text in sections().items():
        diff = root / "section.diff"
        diff.write_text(fenced(text, "diff"), encoding="utf-8")
        applied = subprocess.run(["git", "apply", diff.name], cwd=root, capture_output=True, text=True)
        assert applied.returncode == 0, f"{title}: {applied.stderr}"
        diff.unlink()
    return root


@pytest.mark.parametrize("title", sections())
def test_a_section_is_one_page(title: str) -> None:
    assert len(sections()[title].splitlines()) <= LONGEST_LINES


@pytest.mark.slow
def test_the_sections_are_clean_code(extended: Path) -> None:
    run([sys.executable, "-m", "ruff", "check"], extended)
    run([sys.executable, "-m", "ruff", "format", "--check"], extended)
    run([sys.executable, "-m", "mypy"], extended)


@pytest.mark.slow
@pytest.mark.xdist_group("extend")
@pytest.mark.parametrize("title", sections())
def test_a_section_works_as_written(extended: Path, title: str) -> None:
    commands = fenced(sections()[title], "sh").splitlines()
    assert commands
    for command in commands:
        run(["bash", "-c", command], extended)
