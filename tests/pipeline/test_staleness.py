"""A table of edits against the stages that run after them, on a real pipeline."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytestmark = [pytest.mark.slow, pytest.mark.emulated]

FROM_FIRMWARE = frozenset({"firmware", "compile", "emulate", "image", "report", "bundle"})
ALL = FROM_FIRMWARE | {
    *(
        "index",
        "windows",
        "evaluation_windows",
        "representative",
        "train",
        "candidate/ptq",
        "convert",
        "verify",
        "layers",
        "analyze",
        "thresholds",
        "codegen",
        "package",
        "evaluate",
    )
}

UNUSABLE = frozenset(
    {
        *("index", "windows", "evaluation_windows", "representative", "thresholds"),
        *("evaluate", "report", "bundle"),
    }
)
Edit = Callable[[Path], None]


def nothing(root: Path) -> None:
    pass


def touch(path: str) -> Edit:
    return lambda root: os.utime(root / path, (1, 1))


def append(path: str, text: str) -> Edit:
    def edit(root: Path) -> None:
        with (root / path).open("a", encoding="utf-8") as file:
            file.write(text)

    return edit


def setting(old: str, new: str) -> Edit:
    def edit(root: Path) -> None:
        variant = root / "variants" / "tiny.toml"
        text = variant.read_text(encoding="utf-8")
        assert text.count(old) == 1
        variant.write_text(text.replace(old, new), encoding="utf-8")

    return edit


def truncate(path: str) -> Edit:
    return lambda root: (root / path).write_bytes((root / path).read_bytes()[:-100])


def flip_a_bit(path: str) -> Edit:
    def edit(root: Path) -> None:
        content = bytearray((root / path).read_bytes())
        content[len(content) // 2] ^= 1
        (root / path).write_bytes(content)

    return edit


def remove(*paths: str) -> Edit:
    def edit(root: Path) -> None:
        for pattern in paths:
            found = list(root.glob(pattern))
            assert found
            for path in found:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    return edit


def other_variant(root: Path) -> None:
    text = (root / "variants" / "tiny.toml").read_text(encoding="utf-8")
    (root / "variants" / "other.toml").write_text(text.replace("epochs = 1", "epochs = 2"), encoding="utf-8")


def another_take(root: Path) -> None:
    noise = np.random.default_rng(8).normal(0, 0.02, 32_000)
    soundfile.write(root / "recordings" / "background" / "take_0.wav", noise, 16_000)


def an_unusable_recording(root: Path) -> None:
    (root / "recordings" / "Parus major" / "broken.wav").write_bytes(b"not audio")


def library_version(distribution: str) -> Edit:
    def edit(root: Path) -> None:
        folder = root / f"{distribution}-99.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 99.0\n")

    return edit


def program_version(program: str) -> Edit:
    def edit(root: Path) -> None:
        real = shutil.which(program)
        wrapper = root / "bin" / program
        wrapper.parent.mkdir()
        wrapper.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo 99.0 && exit\nexec {real} "$@"\n')
        wrapper.chmod(0o755)

    return edit


EDITS: dict[str, tuple[Edit, frozenset[str]]] = {
    "nothing": (nothing, frozenset()),
    # What is not a reason.
    "a recording is touched": (touch("recordings/Parus major/take_0.wav"), frozenset()),
    "an output is touched": (touch("build/tiny/convert/candidate.tflite"), frozenset()),
    "the variant file is touched": (touch("variants/tiny.toml"), frozenset()),
    "a comment in the variant file": (append("variants/tiny.toml", "# why not\n"), frozenset()),
    "another variant": (other_variant, frozenset()),
    "a comment in a command": (append("birdnet_stm32/commands/train.py", "# x\n"), frozenset()),
    "every run.json is removed": (remove("build/tiny/*/run.json"), frozenset()),
    # The variant.
    "firmware.threshold": (
        append("variants/tiny.toml", "[firmware]\nthreshold = 0.25\n"),
        FROM_FIRMWARE | {"thresholds", "package", "evaluate"},
    ),
    "detect.need": (
        append("variants/tiny.toml", "[detect]\nneed = 1\n"),
        FROM_FIRMWARE | {"package", "evaluate"},
    ),
    "one board less": (
        append("variants/tiny.toml", '[firmware]\nboards = ["mps3_an547"]\n'),
        FROM_FIRMWARE - {"image"},
    ),
    "verify.min_cosine_mean": (
        setting("min_cosine_mean = 0.8", "min_cosine_mean = 0.7"),
        frozenset({"convert", "verify", "report", "bundle"}),
    ),
    "emulate.windows": (
        setting("windows = 2", "windows = 3"),
        frozenset({"emulate", "evaluate", "report", "bundle"}),
    ),
    # Code and templates: what comes out equal stops the cascade.
    "a comment in the NPU's rules": (
        append("birdnet_stm32/npu/operator_mapping.py", "# x\n"),
        frozenset({"analyze", "report"}),
    ),
    "a comment in a kernel": (
        append("firmware_templates/runtime/birdnet_add.c", "/* x */\n"),
        frozenset({"codegen", "firmware", "package", "compile", "report", "bundle"}),
    ),
    "a comment in the application": (
        append("firmware_templates/app/detections.c", "/* x */\n"),
        frozenset({"firmware", "compile", "bundle"}),
    ),
    "the report's style": (
        append("birdnet_stm32/release/templates/report.css", "p { color: red }\n"),
        frozenset({"report", "bundle"}),
    ),
    "the licence": (append("LICENSE", "\n"), frozenset({"package", "bundle"})),
    # Libraries and programs.
    "another Jinja": (
        library_version("jinja2"),
        frozenset({"codegen", "firmware", "package", "report", "bundle"}),
    ),
    "another pyelftools": (library_version("pyelftools"), frozenset({"compile", "image"})),
    "another QEMU": (program_version("qemu-system-arm"), frozenset({"emulate"})),
    # Outputs that are no longer what was published.
    "a truncated output": (truncate("build/tiny/compile/mps3_an547/firmware.elf"), frozenset({"compile"})),
    "a flipped bit": (flip_a_bit("build/tiny/convert/candidate.tflite"), frozenset({"convert"})),
    "an output is removed": (remove("build/tiny/codegen/c/birdnet_weights.c"), frozenset({"codegen"})),
    "a folder is removed": (remove("build/tiny/firmware"), frozenset({"firmware"})),
    "a manifest is broken": (truncate("build/tiny/analyze/manifest.json"), frozenset({"analyze"})),
    # Recordings.
    "an unusable recording": (
        an_unusable_recording,
        UNUSABLE,
    ),
    "another take": (another_take, ALL),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_runs_what_it_makes_stale_and_nothing_else(name: str, checkout: Any) -> None:
    edit, expected = EDITS[name]
    edit(checkout.root)
    assert checkout.ran() == expected
    if expected:
        assert checkout.ran() == set()


def test_what_lies_beside_the_outputs_is_not_picked_up(checkout: Any) -> None:
    before = checkout.bundle()
    for name in ("codegen/c/stray.c", "compile/mps3_an547/stray.elf", "image/stray.hex"):
        checkout.folder(name).write_text("not published")
    for stage in ("firmware", "bundle"):
        shutil.rmtree(checkout.folder(stage))
    assert checkout.ran() == {"firmware", "bundle"}
    assert checkout.bundle() == before
