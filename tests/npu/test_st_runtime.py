"""The runtime is found however it was laid out, and what it lacks is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from birdnet_stm32.npu.st_runtime import find_runtime, read_version

SOURCES = ("ll_aton_runtime.c", "ll_aton.c", "ll_aton_lib.c", "ecloader.c")
CACHES = ("npu_cache.c", "npu_cache.h", "mcu_cache.c", "mcu_cache.h")
VERSION = "#define LL_ATON_VERSION_MAJOR 1\n#define LL_ATON_VERSION_MINOR 1\n"
VERSION += "#define LL_ATON_VERSION_MICRO (3)\n#define LL_ATON_VERSION_DEV 275\n"
INSTALLATION = {
    **dict.fromkeys(SOURCES, "Npu/ll_aton"),
    **dict.fromkeys(CACHES, "Npu/Devices/STM32N6xx"),
    "NetworkRuntime1201_CM55_GCC.a": "Lib/GCC/ARMCortexM55",
}


def lay_out(root: Path, parent: str, places: dict[str, str]) -> Path:
    """Make a runtime below ``root / parent``; a place that begins with / is below ``root``."""
    header = places["ll_aton_runtime.c"]
    (root / parent / "Inc").mkdir(parents=True)
    for name, place in {**places, "ll_aton_version.h": header}.items():
        folder = root / place[1:] if place.startswith("/") else root / parent / place
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(VERSION, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("parent", "changed", "flat"),
    [
        pytest.param("Middlewares/ST/AI", {}, False, id="an installation"),
        pytest.param("Middlewares/stedgeai-lib", {}, False, id="an application package"),
        pytest.param("Lib/AI_Runtime", {}, False, id="an older one"),
        pytest.param(".", {}, False, id="what ST's cloud hands out"),
        pytest.param(
            "Middlewares/ST/AI", dict.fromkeys(CACHES, "Npu/Devices/STM32N6XX"), False, id="names of 2.x"
        ),
        pytest.param(
            "Middlewares/ST/AI", {"NetworkRuntime1201_CM55_GCC.a": "Lib"}, False, id="a project of CubeMX"
        ),
        pytest.param(
            "Middlewares/ST/AI",
            {
                **dict.fromkeys((*SOURCES, "mcu_cache.c", "mcu_cache.h"), "Npu"),
                **dict.fromkeys(("npu_cache.c", "npu_cache.h"), "/Appli/AI/App"),
                "NetworkRuntime1201_CM55_GCC.a": "Lib/NetworkRuntime1201_CM55_GCC.a",
            },
            True,
            id="a project of AI Studio",
        ),
    ],
)
def test_every_layout_is_found(tmp_path: Path, parent: str, changed: dict[str, str], flat: bool) -> None:
    runtime = find_runtime(lay_out(tmp_path, parent, {**INSTALLATION, **changed}))
    assert runtime is not None
    assert runtime.missing == ()
    assert runtime.flat == flat
    assert runtime.version == (1, 1, 3, 275)
    assert [path.name for path in runtime.libraries] == ["NetworkRuntime1201_CM55_GCC.a"]
    assert sorted(runtime.caches) == sorted(CACHES)
    assert all(path.is_file() for path in (runtime.header, *runtime.libraries, *runtime.caches.values()))


@pytest.mark.parametrize("lost", [*SOURCES[1:], *CACHES, "NetworkRuntime1201_CM55_GCC.a"])
def test_what_is_missing_is_named(tmp_path: Path, lost: str) -> None:
    lay_out(tmp_path, "Middlewares/ST/AI", INSTALLATION)
    (tmp_path / "Middlewares/ST/AI" / INSTALLATION[lost] / lost).unlink()
    runtime = find_runtime(tmp_path)
    assert runtime is not None
    (missing,) = runtime.missing
    assert lost.replace("1201", "*") in missing
    assert str(tmp_path) in missing


def test_two_libraries_are_one_too_many(tmp_path: Path) -> None:
    lay_out(tmp_path, "Middlewares/ST/AI", {**INSTALLATION, "NetworkRuntime1100_CM55_GCC.a": "Lib"})
    runtime = find_runtime(tmp_path)
    assert runtime is not None
    assert runtime.missing == (f"one NetworkRuntime*_CM55_GCC.a below {runtime.folder / 'Lib'}, where 2 lie",)


def test_a_folder_without_any_has_none(tmp_path: Path) -> None:
    assert find_runtime(tmp_path) is None


def test_a_header_without_a_number_has_no_version() -> None:
    assert read_version(VERSION) == (1, 1, 3, 275)
    assert read_version(VERSION.replace("DEV", "BUILD")) is None
