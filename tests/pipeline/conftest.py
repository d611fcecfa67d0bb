"""A checkout that tests may edit, and a variant small enough to build in half a minute."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

REPOSITORY = Path(__file__).resolve().parents[2]
COPIED = ("birdnet_stm32", "firmware_templates", "LICENSE", "dodo.py", "pyproject.toml")
PROGRAMS = ("arm-none-eabi-gcc", "cmake", "ninja", "qemu-system-arm")

VARIANT = """\
[variant]
title = "Tiny"

[index]
root = "../recordings"
background = ["background"]

[model]
sample_rate_hz = 8_000
window_s = 0.5
fft_length = 256
spec_width = 32
num_mels = 16
alpha = 0.1
embedding_size = 32

[train]
epochs = 1

[qat]
when = "never"

[verify]
min_cosine_mean = 0.8
min_cosine_p05 = 0.8

[bundle]
require_above_chance = false

[codegen]
test_vectors = 1

[emulate]
windows = 2
timeout_s = 60.0
"""


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A copy of the repository with recordings and the variant ``tiny``.

    Programs in ``bin`` and ``*.dist-info`` folders in its root are found before the installed ones.
    """

    root: Path
    build: Path

    @property
    def variant(self) -> Path:
        return self.root / "variants" / "tiny.toml"

    @property
    def environment(self) -> dict[str, str]:
        path = f"{self.root / 'bin'}{os.pathsep}{os.environ['PATH']}"
        found = {**os.environ, "PYTHONPATH": str(self.root), "PATH": path}
        found.pop("PYTHONDONTWRITEBYTECODE", None)  # most tests start a dozen processes with the same modules
        return found

    def folder(self, stage: str) -> Path:
        return self.build / "tiny" / stage

    def published(self) -> set[str]:
        """Return the stages whose folder is there, ``candidate/ptq`` for one in parts."""
        root = self.build / "tiny"
        found = (*root.glob("[!.]*/SHA256SUMS"), *root.glob("[!.]*/[!.]*/SHA256SUMS"))
        return {path.parent.relative_to(root).as_posix() for path in found}

    def bundle(self) -> bytes:
        return self.bundle_path.read_bytes()

    @property
    def bundle_path(self) -> Path:
        (path,) = self.folder("bundle").glob("tiny-0.1.0-*.zip")
        return path

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "doit", *arguments, f"build={self.build}"]

    def doit(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run doit and return how it ended, with stdout and stderr in one text."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,  # a build takes half a minute, on a machine with nothing else to do
            check=False,
        )

    def ran(self, *targets: str) -> set[str]:
        """Build and return the stages that were executed; the others were up to date."""
        report = self.root / "report.json"
        finished = self.doit("run", "-r", "json", "-o", str(report), *(targets or ("bundle:tiny",)))
        text = report.read_text(encoding="utf-8")
        assert finished.returncode == 0, finished.stdout + text
        results = {task["name"]: task["result"] for task in json.loads(text)["tasks"]}
        stages = {name.replace(":tiny", ""): result for name, result in results.items() if ":" in name}
        assert set(stages.values()) <= {"success", "up-to-date"}
        return {stage for stage, result in stages.items() if result == "success"}


def copy_repository(root: Path, build: Path | None = None, takes: int = 3) -> Checkout:
    """Copy the repository to ``root`` and add recordings, ``takes`` of each class, and the variant."""
    root.mkdir(parents=True)
    for name in COPIED:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, root / name)
    write_recordings(root / "recordings", takes)
    checkout = Checkout(root=root, build=build or root / "build")
    checkout.variant.parent.mkdir()
    checkout.variant.write_text(VARIANT, encoding="utf-8")
    return checkout


def write_recordings(root: Path, takes: int = 3, *, seed: int = 7) -> None:
    """Write recordings of 2 s for each of two songs and the background, as wav and as flac."""
    rng = np.random.default_rng(seed)
    rate_hz = 16_000
    time_s = np.arange(2 * rate_hz) / rate_hz
    for label, pitch_hz in {"Corvus corax": 700, "Parus major": 2_400, "background": 0}.items():
        (root / label).mkdir(parents=True)
        for take in range(takes):
            song = np.sin(2 * np.pi * (pitch_hz + 40 * take) * time_s) * (np.sin(9 * time_s) > 0)
            audio = 0.3 * song * (pitch_hz > 0) + rng.normal(0, 0.02, len(time_s))
            soundfile.write(root / label / f"take_{take}.{'flac' if take == 1 else 'wav'}", audio, rate_hz)


@pytest.fixture(scope="session")
def new_checkout() -> Callable[..., Checkout]:
    """Return a function that makes a checkout in which nothing is built."""
    return copy_repository


@pytest.fixture(scope="session")
def programs() -> None:
    """Skip a test that builds a release where a program is missing."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")


@pytest.fixture(scope="session")
def recordings() -> Callable[..., None]:
    """Return a function that writes recordings, with one folder for each class."""
    return write_recordings


@pytest.fixture(scope="session")
def pristine(programs: None, made_once: Callable[[str, Callable[[Path], None]], Path]) -> Checkout:
    """A checkout in which ``bundle:tiny`` has been built: to look at, not to build in."""

    def fill(folder: Path) -> None:
        built = copy_repository(folder / "checkout")
        finished = built.doit("bundle:tiny")
        assert finished.returncode == 0, finished.stdout
        (built.root / "printed.txt").write_text(finished.stdout, encoding="utf-8")

    root = made_once("pipeline", fill) / "checkout"
    return Checkout(root=root, build=root / "build")


@pytest.fixture
def checkout(pristine: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of the built checkout, to do anything with."""
    root = tmp_path_factory.getbasetemp() / "checkout"
    if root.exists():  # that of the test before: to keep all of them would take gigabytes
        shutil.rmtree(root)
    subprocess.run(["cp", "-a", pristine.root, root], check=True)  # a third of what copytree takes
    return Checkout(root=root, build=root / "build")
