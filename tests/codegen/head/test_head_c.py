"""``birdnet_head.c`` on the host, under the address and undefined-behaviour sanitizers."""

from __future__ import annotations

import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.codegen.head.contents import Head
from birdnet_stm32.codegen.head.file_format import head_bytes, parse_head
from birdnet_stm32.errors import InputError
from birdnet_stm32.paths import firmware_templates

HARNESS = Path(__file__).parents[2] / "c" / "head_harness.c"
INPUT = np.array([-128, 127, 5, -60], np.int64)
OK, MISSING, FORMAT, SIZE, DAMAGED, BACKBONE, CLASSES, VALUES, MISALIGNED = range(9)
MUTATIONS = 4_000

Make = Callable[..., Head]
Ask = Callable[[Sequence[bytes]], list[str]]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Return a function that gives sections to the C and returns its answers."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    head, runtime = firmware_templates() / "head", firmware_templates() / "runtime"
    program = tmp_path_factory.mktemp("head") / "head"
    flags = "-std=c11 -O1 -g -Wall -Wextra -Wconversion -Werror -fsanitize=address,undefined".split()
    sources = [
        HARNESS,
        head / "birdnet_head.c",
        runtime / "birdnet_fully_connected.c",
        runtime / "birdnet_lookup.c",
    ]
    command = ["gcc", *flags, "-fno-sanitize-recover", f"-I{head}", f"-I{runtime}"]
    command += [*map(str, sources), "-o", str(program), "-lm"]
    subprocess.run(command, check=True, timeout=120)

    def answers(sections: Sequence[bytes]) -> list[str]:
        text = "".join(f"{len(section)} {section.hex()}\n" for section in sections)
        done = subprocess.run([program], input=text, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        lines = done.stdout.split("\n")[:-1]
        assert len(lines) == len(sections)
        return lines

    return answers


def with_crc(content: bytes) -> bytes:
    (size,) = struct.unpack_from("<I", content, 8)
    crc = zlib.crc32(content[16 : min(size, len(content))])
    return content[:12] + struct.pack("<I", crc) + content[16:]


def expected_outputs(head: Head) -> list[int]:
    sums = head.bias.astype(np.int64) + head.weights.astype(np.int64) @ INPUT
    scaled = sums * head.scales
    rounded = np.trunc(scaled + np.copysign(0.5, scaled)).astype(np.int64) + head.dense_zero_point
    codes = np.clip(rounded, head.dense_minimum, head.dense_maximum)
    return [int(code) for code in (codes if head.table is None else head.table[codes + 128])]


@pytest.mark.parametrize("classes", [1, 3, 20])
@pytest.mark.parametrize("is_logit", [False, True])
def test_a_head_that_fits_is_run(ask: Ask, make: Make, classes: int, is_logit: bool) -> None:
    head = make(classes, **({"table": None} if is_logit else {}))
    content = head_bytes(head)
    values = " ".join(map(str, expected_outputs(head)))
    expected = f"{OK} {classes} {values} {float(head.thresholds[0]):.9g} {head.names[-1].encode().hex()}"
    assert ask([content, content + b"\xff" * 100]) == [expected, expected]


def test_everything_else_is_refused(ask: Ask, make: Make) -> None:
    head = make(3)
    content = head_bytes(head)
    cases = {
        b"": MISALIGNED,
        b"\xff" * 4_096: MISSING,
        bytes(4_096): MISSING,
        content[:90]: SIZE,
        content[:-1]: SIZE,
        with_crc(content[:4] + struct.pack("<I", 2) + content[8:]): FORMAT,
        content[:8] + struct.pack("<I", 2**32 - 8) + content[12:]: SIZE,
        content[:8] + struct.pack("<I", 0) + content[12:]: SIZE,
        content[:300] + b"!" + content[301:]: DAMAGED,
        head_bytes(make(3, backbone=bytes(32))): BACKBONE,
        head_bytes(make(3, input_scale=0.03)): BACKBONE,
        head_bytes(make(3, input_zero_point=0)): BACKBONE,
        head_bytes(make(21)): CLASSES,
        with_crc(content[:0x14] + struct.pack("<I", 0) + content[0x18:]): CLASSES,
        with_crc(content[:0x14] + struct.pack("<I", 2**32 - 1) + content[0x18:]): CLASSES,
        with_crc(content[:0x14] + struct.pack("<I", 4) + content[0x18:]): SIZE,
        with_crc(content[:0x5C] + struct.pack("<I", 2**32 - 1) + content[0x60:]): SIZE,
        with_crc(content[:0x1C] + struct.pack("<I", 2) + content[0x20:]): SIZE,
        with_crc(content[:0x60] + struct.pack("<d", np.nan) + content[0x68:]): VALUES,
        with_crc(content[:0x60] + struct.pack("<d", np.inf) + content[0x68:]): VALUES,
        with_crc(content[:0x60] + struct.pack("<d", 1e300) + content[0x68:]): VALUES,
        with_crc(content[:0x78] + struct.pack("<i", -(2**31)) + content[0x7C:]): VALUES,
        with_crc(content[:-1] + b"!"): VALUES,
    }
    answers = ask(list(cases))
    for (section, status), answer in zip(cases.items(), answers, strict=True):
        assert answer == str(status), section[:0x60].hex()


def test_what_the_command_takes_of_damaged_heads_the_firmware_takes_too(ask: Ask, make: Make) -> None:
    """Whatever the bytes are: no read outside of the section, and no undefined behaviour."""
    rng = np.random.default_rng(11)
    extremes = np.array([0, 1, 0x7F, 0x80, 0xFE, 0xFF])
    sections = []
    for intact in (head_bytes(make(3)), head_bytes(make(2, table=None))):
        sections += [with_crc(intact[:length].ljust(16, b"\0")) for length in range(0, len(intact), 3)]
        for _ in range(MUTATIONS // 2):
            content = bytearray(intact)
            for place in rng.integers(4, len(content), rng.integers(1, 6)):
                content[place] = rng.choice(extremes) if rng.random() < 0.7 else rng.integers(256)
            sections.append(with_crc(bytes(content)))
    taken = 0
    for section, answer in zip(sections, ask(sections), strict=True):
        head = read_or_none(section)
        # A name that is no UTF-8 is refused by the command alone: the firmware only prints its bytes.
        if head is None or not fits(head):
            continue
        assert answer.split()[0] == str(OK), section.hex()
        outputs = [int(value) for value in answer.split()[2 : 2 + head.classes]]
        assert outputs == expected_outputs(head)
        taken += 1
    assert taken > 100


def read_or_none(section: bytes) -> Head | None:
    try:
        return parse_head(section, where="head.bin", trailing=True)
    except InputError:
        return None


def fits(head: Head) -> bool:
    """Return whether the head is one for the firmware of the harness."""
    grid = (float(np.float32(0.02)), -128)
    return (
        head.backbone == bytes(range(32))
        and head.channels == 4
        and (head.input_scale, head.input_zero_point) == grid
        and head.classes <= 20
    )
