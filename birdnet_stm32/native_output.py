"""Keep messages of native libraries off the terminal, where they would hide our own messages.

TensorFlow's C++ code writes notes to file descriptor 2, whatever its log level is, and its Python code warns
about its own speed.
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
    """Send all output of file descriptor 2 to ``log`` while the block runs. Python's stderr stays.

    An empty log is removed. If a library crashes, the log holds its last words.

    Args:
        log: the file to write; its folder is created if it does not exist.
    """
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    python_stderr = sys.stderr
    python_stderr.flush()
    terminal = os.dup(2)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as sink:
        os.dup2(sink.fileno(), 2)
    is_real = getattr(python_stderr, "name", None) == "<stderr>"  # not that of a test or a notebook
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
