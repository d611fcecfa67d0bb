"""What the disk has to do with a failure is found out, whatever a library makes of it."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from birdnet_stm32.disk import disk_error
from birdnet_stm32.errors import GateError

FULL = """
import resource, sys
from pathlib import Path
from birdnet_stm32.disk import disk_error
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
try:
    exec(sys.argv[2])
except Exception as error:
    print(type(error).__name__, "|", disk_error(error, Path(sys.argv[1])))
"""


def test_an_error_below_another_is_found() -> None:
    try:
        try:
            raise OSError(errno.ENOSPC, "No space left on device", "/data/model.keras")
        except OSError as error:
            raise ValueError("cannot save the archive") from error
    except ValueError as error:
        found = disk_error(error, Path("/data"))
    assert str(found).startswith("/data/model.keras: cannot be read or written: the disk is full")


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), OSError("a bug"), KeyboardInterrupt(), GateError("no")]
)
def test_what_is_no_matter_of_the_disk_is_left_alone(tmp_path: Path, error: BaseException) -> None:
    assert disk_error(error, tmp_path / "not" / "there") is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "write",
    [
        "import numpy as np; np.save(sys.argv[1] + '/a.npy', np.zeros(100_000))",  # an error without a number
        "import numpy as np; np.savez(sys.argv[1] + '/a.npz', a=np.random.default_rng(1).bytes(200_000))",
        "Path(sys.argv[1], 'a').write_bytes(bytes(200_000))",
        "raise RuntimeError('a library that says nothing')",
    ],
)
def test_a_library_that_cannot_write_is_understood(tmp_path: Path, write: str) -> None:
    command = [sys.executable, "-c", FULL, str(tmp_path), write]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "cannot be read or written: a file is larger than" in done.stdout, done.stdout + done.stderr
