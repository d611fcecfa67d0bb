#!/usr/bin/env python3
"""Search for input that a reader neither reads nor refuses, for any length of time.

The tests in tests/fuzz search for some seconds each. This script runs the same tests for longer, from another
seed. Inputs that it finds are in the folder ``--found``: repair the reader, then put the file into
tests/fuzz/corpus. ``--runs N`` searches in the readers in C alone, N times, and writes to ``--found`` the
fewest inputs that reach as much as all of them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FUZZ = ROOT / "tests" / "fuzz"


def main() -> int:
    """Run every part for its share of the time, and return pytest's exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=float, default=3_600.0, metavar="S", help="in all; default: an hour"
    )
    parser.add_argument(
        "--seed", type=int, default=int(time.time()), help="where to start; default: the time"
    )
    parser.add_argument("--found", type=Path, default=Path("fuzz-found"), metavar="DIR")
    parser.add_argument("--runs", type=int, metavar="N", help="executions of each reader in C; nothing else")
    options = parser.parse_args()
    share_s = options.seconds / parts()
    print(f"seed {options.seed}, {share_s:.0f} s for each of {parts()} parts")
    environment = {
        **os.environ,
        "FUZZ_SECONDS": str(share_s),
        "FUZZ_SEED": str(options.seed),
        "FUZZ_FOUND": str(options.found.resolve()),
    }
    command = [sys.executable, "-m", "pytest", "-q", str(FUZZ)]
    if options.runs is not None:
        environment["FUZZ_RUNS"] = str(options.runs)
        command += ["-k", "in_c", "-s"]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def parts() -> int:
    """Return how many tests search until their time is over."""
    texts = [path.read_text(encoding="utf-8") for path in FUZZ.glob("test_*.py")]
    return sum(
        text.count("    look(") + text.count("in until():") + text.count("[fuzzer, limit,") for text in texts
    )


if __name__ == "__main__":
    sys.exit(main())
