"""The product as a wheel, with a copy of ``dodo.py`` in an otherwise empty folder."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow]

REPOSITORY = Path(__file__).resolve().parents[2]
VARIANT = "[variant]\ntitle = 'x'\n[index]\nroot = 'songs'\n"


def run(*command: object, cwd: Path, wheel: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(wheel), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel unpacked, as pip lays it into site-packages."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling, which builds the wheel, is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("birdnet_stm32", "firmware_templates"):
        shutil.copytree(REPOSITORY / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE", "README.md"):
        shutil.copyfile(REPOSITORY / name, source / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source]
    subprocess.run(build, check=True, timeout=120)
    (built,) = folder.glob("*.whl")
    installed = folder / "installed"
    subprocess.run([*pip, "install", "--no-deps", "--target", installed, built], check=True, timeout=120)
    return installed


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A folder with nothing but ``dodo.py`` and a variant."""
    shutil.copyfile(REPOSITORY / "dodo.py", tmp_path / "dodo.py")
    (tmp_path / "variants").mkdir()
    (tmp_path / "variants" / "mine.toml").write_text(VARIANT)
    return tmp_path


def test_doit_works_from_a_wheel(wheel: Path, empty: Path) -> None:
    listed = run("-m", "doit", "list", "--all", cwd=empty, wheel=wheel)
    assert listed.returncode == 0, listed.stdout
    assert "bundle:mine" in listed.stdout
    assert not (empty / "build").exists(), "to list is to look"

    failed = run("-m", "doit", "bundle:mine", cwd=empty, wheel=wheel)
    assert failed.returncode == 2
    assert "Traceback" not in failed.stdout
    assert "songs" in failed.stdout

    forgotten = run("-m", "doit", "forget", "index:mine", cwd=empty, wheel=wheel)
    assert forgotten.returncode == 0, forgotten.stdout
    explained = run("-m", "birdnet_stm32", "why", "mine", cwd=empty, wheel=wheel)
    assert explained.returncode == 0, explained.stdout
    assert explained.stdout.startswith("index:mine: it has not been published yet")


def test_without_the_package_installed_the_reason_is_said(empty: Path, tmp_path: Path) -> None:
    sources = tmp_path / "sources"  # importable, but nowhere registered
    sources.mkdir()
    (sources / "birdnet_stm32").symlink_to(REPOSITORY / "birdnet_stm32")
    hidden = (
        "import doit.plugin as p, sys; p.entry_points_impl = lambda: (lambda group: ());"
        "from doit.doit_cmd import DoitMain; sys.exit(DoitMain().run(['list']))"
    )
    listed = run("-c", hidden, cwd=empty, wheel=sources)
    assert listed.returncode == 3
    assert "Traceback" not in listed.stdout
    assert "doit does not know the backend 'told': birdnet-stm32 is not installed" in listed.stdout
