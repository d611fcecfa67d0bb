"""An object file is taken from the cache only where the compiler would make the same one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CACHE = Path(__file__).with_name("object_cache.py")
SOURCE = '#include "value.h"\nint value(void);\nint value(void) { return VALUE; }\n'
BUILD = ["-O1", "-Iinclude", "-Ilater", "-c", "value.c", "-o", "value.o"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    for name, text in {
        "value.c": SOURCE,
        "later/value.h": "#define VALUE 1\n",
        "include/other.h": "",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.chdir(folder)
    return folder


def rule() -> list[str]:
    """Return the words of the rule for make, if one was written."""
    path = Path("rule.d")
    return path.read_text().replace("\\\n", "").split() if path.is_file() else []


@pytest.fixture
def compiled(tmp_path: Path, project: Path) -> Callable[..., int]:
    """Return a function that compiles and says how often the real compiler ran, after checking the object."""
    real = shutil.which("gcc", path=os.defpath)
    if real is None:
        pytest.skip("gcc is not installed")
    calls = tmp_path / "calls"
    counting = tmp_path / "counting"
    counting.write_text(f'#!/bin/sh\necho >> {calls}\nexec {real} "$@"\n')
    counting.chmod(0o755)
    objects = tmp_path / "objects"
    objects.mkdir()

    def run(*arguments: str, made: str = "value.o", **environment: str) -> int:
        calls.write_text("")
        command = [sys.executable, "-IS", str(CACHE), str(objects), str(counting), "1", *arguments]
        subprocess.run(command, check=True, env={**os.environ, **environment})
        found = Path(made).read_bytes(), rule()
        times = len(calls.read_text().splitlines())
        subprocess.run([real, *arguments], check=True)
        assert (Path(made).read_bytes(), rule()) == found, "the compiler makes something else"
        return times

    return run


def test_the_second_time_the_object_is_a_copy(compiled: Callable[..., int]) -> None:
    assert compiled(*BUILD) == 1
    assert compiled(*BUILD) == 0


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("value.c", SOURCE + "/* x */\n"),
        ("later/value.h", "#define VALUE 2\n"),
        ("include/value.h", "#define VALUE 3\n"),  # is found before the other
        ("value.h", "#define VALUE 4\n"),
    ],
)
def test_an_edit_compiles_again(compiled: Callable[..., int], path: str, text: str) -> None:
    assert compiled(*BUILD) == 1
    Path(path).write_text(text)
    assert compiled(*BUILD) == 1
    assert compiled(*BUILD) == 0


def test_an_edit_of_a_header_that_the_command_names_compiles_again(
    compiled: Callable[..., int], project: Path
) -> None:
    named = ["-w", "-isystem", "later", "-include", "other.h", *BUILD]
    assert compiled(*named) == 1
    assert compiled(*named) == 0
    (project / "include" / "other.h").write_text("extern int other;\n")
    assert compiled(*named) == 1


def test_what_was_before_an_edit_is_still_there(compiled: Callable[..., int]) -> None:
    header = Path("later", "value.h")
    before = header.read_text()
    assert compiled(*BUILD) == 1
    header.write_text("#define VALUE 2\n")
    assert compiled(*BUILD) == 1
    header.write_text(before)
    assert compiled(*BUILD) == 0


@pytest.mark.parametrize("option", ["-O2", "-DNDEBUG", "-fPIC", "-Wall", "-ffunction-sections"])
def test_another_option_compiles_again(compiled: Callable[..., int], option: str) -> None:
    assert compiled(*BUILD) == 1
    assert compiled(option, *BUILD) == 1


@pytest.mark.parametrize(("option", "times"), [("-O2", 0), ("-g", 1), ("-fsanitize=undefined", 1)])
def test_another_folder_counts_where_its_name_gets_into_the_object(
    compiled: Callable[..., int], project: Path, monkeypatch: pytest.MonkeyPatch, option: str, times: int
) -> None:
    def arguments(folder: Path) -> list[str]:
        return [option, f"-I{folder}/later", "-c", f"{folder}/value.c", "-o", "value.o"]

    assert compiled(*arguments(project)) == 1
    other = project.with_name("other")
    shutil.copytree(project, other)
    monkeypatch.chdir(other)
    assert compiled(*arguments(other)) == times


def test_a_mapped_folder_does_not_count(
    compiled: Callable[..., int], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def arguments(folder: Path) -> list[str]:
        build = f"-g -ffile-prefix-map={folder}=. -I{folder}/later -c {folder}/value.c -o value.o"
        return build.split()

    assert compiled(*arguments(project)) == 1
    other = project.with_name("other")
    shutil.copytree(project, other)
    monkeypatch.chdir(other)
    assert compiled(*arguments(other)) == 0


def test_the_files_path_and_the_time_are_never_cached(compiled: Callable[..., int], project: Path) -> None:
    (project / "value.c").write_text(SOURCE + "const char *file = __FILE__;\n")
    assert compiled(*BUILD) == 1
    assert compiled(*BUILD) == 1
    assert compiled("-g", *BUILD) == 1
    assert compiled("-g", *BUILD) == 0


def test_a_warning_is_printed_each_time(
    compiled: Callable[..., int], project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "value.c").write_text(SOURCE + "static int unused;\n")
    for _ in range(2):
        assert compiled("-Wall", *BUILD) == 1
        assert capfd.readouterr().err.count("unused") >= 2


def test_an_error_is_the_compilers(project: Path, tmp_path: Path) -> None:
    (project / "value.c").write_text("int\n")
    ended = subprocess.run(["gcc", *BUILD], capture_output=True, text=True)
    assert ended.returncode == 1
    assert "value.c:1" in ended.stderr


def test_a_program_of_many_sources_is_compiled_and_linked(
    compiled: Callable[..., int], project: Path
) -> None:
    (project / "main.c").write_text("int value(void);\nint main(void) { return value(); }\n")
    names = [f"other_{number}.c" for number in range(4)]
    for name in names:
        (project / name).write_text(f"int {name[:-2]};\n")
    program = ["-Ilater", "main.c", "value.c", *names, "-lm", "-o", "program"]
    assert compiled(*program, made="program") == 7
    assert compiled(*program, made="program") == 1, "it is linked anew"
    assert subprocess.run(["./program"]).returncode == 1


def test_the_rule_for_make_names_the_headers(compiled: Callable[..., int]) -> None:
    wanted = ["-MD", "-MT", "target", "-MF", "rule.d"]
    for times in (1, 0):
        assert compiled(*wanted, *BUILD) == times
        assert {"target:", "value.c", "later/value.h"} <= set(rule())
        Path("rule.d").unlink()


def test_it_can_be_turned_off(compiled: Callable[..., int]) -> None:
    assert compiled(*BUILD) == 1
    assert compiled(*BUILD, OBJECT_CACHE="off") == 1


def test_the_tests_run_with_it() -> None:
    found = shutil.which("gcc")
    assert found is None or "object_cache" in Path(found).read_text()
