"""Keeps what native libraries print off the terminal, where it would bury our own messages.

TensorFlow's C++ parts write notes to file descriptor 2 whatever their log level says, and its Python part
warns about its own speed.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def divert_native_output(log: Path) -> Iterator[None]:
    """Send what is written to file descriptor 2 to ``log`` while the block runs; Python's stderr stays.

    An empty log is removed. After a crash of a library the log is where its last words are.
    """
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    python_stderr = sys.stderr
    python_stderr.flush()
    terminal = os.dup(2)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as sink:
        os.dup2(sink.fileno(), 2)
    is_real = getattr(python_stderr, "name", None) == "<stderr>"  # not a test's or a notebook's
    if is_real:
        sys.stderr = os.fdopen(os.dup(terminal), "w", buffering=1, encoding=python_stderr.encoding)
    try:
        yield
    finally:
        if is_real:
            sys.stderr.close()
            sys.stderr = python_stderr
        os.dup2(terminal, 2)
        os.close(terminal)
        if log.stat().st_size == 0:
            log.unlink()
