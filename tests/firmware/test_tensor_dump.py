from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.errors import ToolError
from birdnet_stm32.firmware import tensor_dump

HEADER = b"BNDUMP02" + struct.pack("<5I", 64, 3, 2, 2, 3)
WINDOW = struct.pack("<3I6f2b3b", 4, 1, 32, 1, 2, 3, 4, 5, 6, -1, 1, 7, 8, 9)


def read(tmp_path: Path, content: bytes) -> tuple[tensor_dump.WindowDump, ...]:
    path = tmp_path / "dump.bin"
    path.write_bytes(content)
    return tensor_dump.read(path, window_samples=64, steps=3, input_elements=2)


def test_windows_come_back(tmp_path: Path) -> None:
    windows = read(tmp_path, HEADER + 3 * WINDOW)
    assert len(windows) == 3
    assert (windows[2].recording, windows[2].window, windows[2].first_sample) == (4, 1, 32)
    np.testing.assert_array_equal(windows[2].steps, [[1, 2], [3, 4], [5, 6]])
    np.testing.assert_array_equal(windows[2].features, [5, 6])
    np.testing.assert_array_equal(windows[2].quantized_input, [-1, 1])
    np.testing.assert_array_equal(windows[2].output, [7, 8, 9])


def test_a_header_alone_holds_no_window(tmp_path: Path) -> None:
    assert read(tmp_path, HEADER) == ()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "0 bytes long"),
        (HEADER[:-1], "27 bytes"),
        (b"BNDUMP01" + HEADER[8:], "BNDUMP01"),
        (HEADER + WINDOW + WINDOW[:-1], "into window 1"),
        (HEADER[:8] + struct.pack("<5I", 65, 3, 2, 2, 3), "65"),
        (HEADER[:8] + struct.pack("<5I", 64, 2**32 - 1, 2, 2, 3), "4294967295"),
        (HEADER[:8] + struct.pack("<5I", 64, 3, 2**32 - 1, 2, 3), "4294967295"),
        (HEADER[:8] + struct.pack("<5I", 64, 3, 2, 2, 0), "0 outputs"),
        (HEADER[:8] + struct.pack("<5I", 64, 3, 2, 2, 2**32 - 1), "4294967295 outputs"),
    ],
)
def test_anything_else_is_refused(tmp_path: Path, content: bytes, named: str) -> None:
    with pytest.raises(ToolError, match=named):
        read(tmp_path, content)
