"""Files below a folder are written, and those that are right already are left alone."""

from __future__ import annotations

import os
from pathlib import Path

from birdnet_stm32.files.tree import write_tree


def test_only_other_content_is_written(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a/same.c": b"1", "a/other.c": b"1"})
    for path in tmp_path.rglob("*.c"):
        os.utime(path, ns=(0, 0))
    write_tree(tmp_path, {"a/same.c": b"1", "a/other.c": b"2", "new.c": b"3"})
    times = {path.name: path.stat().st_mtime_ns > 0 for path in tmp_path.rglob("*.c")}
    assert times == {"same.c": False, "other.c": True, "new.c": True}
    assert (tmp_path / "a" / "other.c").read_bytes() == b"2"
