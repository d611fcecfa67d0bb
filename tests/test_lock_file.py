"""The lock file names every library that pyproject.toml pins, with hashes, and no place to download from."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = [
    *PROJECT["dependencies"],
    *(pin for extra in PROJECT["optional-dependencies"].values() for pin in extra if "[" not in pin),
]


def entries() -> list[str]:
    """Return the lines of each library as one."""
    lines = [line for line in LOCK.replace("\\\n", " ").splitlines() if not line.startswith("#")]
    return [" ".join(line.split()) for line in lines if line.strip()]


@pytest.mark.parametrize("pin", PINS)
def test_every_pin_is_locked_at_that_version(pin: str) -> None:
    assert pin in [entry.split()[0] for entry in entries()]


def test_every_library_has_hashes_and_nothing_else() -> None:
    assert len(entries()) > len(PINS)
    for entry in entries():
        assert re.fullmatch(r"[a-z0-9-]+==[^ ]+( --hash=sha256:[0-9a-f]{64})+", entry), entry
    assert "://" not in LOCK


def test_setup_finds_the_lines_of_uv() -> None:
    setup = (ROOT / "scripts" / "setup.sh").read_text(encoding="utf-8")
    lines = re.search(r"sed -n '[^']*uv==[^']*' requirements\.lock", setup)
    assert lines is not None
    found = subprocess.run(
        ["sh", "-c", lines[0]], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    (uv,) = [entry for entry in entries() if entry.startswith("uv==")]
    assert " ".join(found.replace("\\\n", " ").split()) == uv
