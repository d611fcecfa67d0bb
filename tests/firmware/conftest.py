"""A hand-written model small enough to compile in a second, and projects made of it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from birdnet_stm32.firmware.build import build
from birdnet_stm32.firmware.render import FirmwareSettings, render_project
from birdnet_stm32.paths import firmware_templates
from birdnet_stm32.templating import c_string

STANDIN = Path(__file__).parent / "standin"
ST = Path(__file__).parent / "st"
SETTINGS = FirmwareSettings(threshold=0.5, top_k=2, title="A stand-in", version="1.2.3")

ModelFiles = dict[str, bytes]


@pytest.fixture(scope="session")
def standin() -> Callable[..., ModelFiles]:
    """Return the stand-in's C folder with the given names and compiler definitions."""

    def files(labels: tuple[str, ...] = ("first", "opposite", "largest"), *definitions: str) -> ModelFiles:
        found = {
            path.relative_to(STANDIN).as_posix(): path.read_bytes()
            for path in sorted(STANDIN.rglob("*"))
            if path.is_file()
        }
        runtime = firmware_templates() / "runtime"
        readers = ("birdnet_recording.*", "birdnet_wav*.*", "birdnet_resample*.*")  # the same for all models
        for path in (path for pattern in readers for path in runtime.glob(pattern)):
            found[f"runtime/{path.name}"] = path.read_bytes()
        found["runtime/birdnet_float.h"] = (runtime / "birdnet_float.h").read_bytes()
        for name in ("birdnet_events", "birdnet_exponential"):
            for path in runtime.glob(f"{name}.*"):
                found[f"runtime/{path.name}"] = path.read_bytes()
        names = "".join(f"    {c_string(label)},\n" for label in labels)
        found["birdnet_labels.c"] = (
            '#include "birdnet_network.h"\n\n'
            f"const char *const birdnet_labels[BIRDNET_OUTPUT_ELEMENTS] = {{\n{names}}};\n"
        ).encode()
        for definition in definitions:
            found["CMakeLists.txt"] += (
                f"target_compile_definitions(birdnet_network PRIVATE {definition})\n".encode()
            )
        return found

    return files


@pytest.fixture(scope="session")
def write() -> Callable[[Mapping[str, bytes], Path], Path]:
    """Return a function that writes files below a folder and returns the folder."""

    def write_files(files: Mapping[str, bytes], folder: Path) -> Path:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder

    return write_files


@pytest.fixture(scope="session")
def st_sources(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, str]]:
    """Return a function that makes stand-ins for ST's sources and returns the variables that name them.

    ``version`` is that of the runtime, ``behaviour`` what ``st/st.c`` says.
    """
    spec = importlib.util.spec_from_file_location("st_sources", ST / "sources.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def make(version: tuple[int, int, int, int] = (1, 1, 3, 275), behaviour: int = 0) -> dict[str, str]:
        root = tmp_path_factory.mktemp("st")
        return module.write(root / "cube", root / "core", version, behaviour)

    return make


@pytest.fixture
def compiled(
    standin: Callable[..., ModelFiles], write: Callable[[Mapping[str, bytes], Path], Path], tmp_path: Path
) -> Callable[..., Path]:
    """Return a function that compiles the stand-in's firmware for the emulated board: the elf."""

    def compile_standin(*args: object, settings: FirmwareSettings = SETTINGS) -> Path:
        project = write(render_project("mps3_an547", standin(*args), settings), tmp_path / "project")
        return build(project, tmp_path / "build").elf

    return compile_standin
