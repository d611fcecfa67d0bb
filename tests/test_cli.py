import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from birdnet_stm32 import cli
from birdnet_stm32.errors import GateError, InputError, ToolError


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException | None], None]:
    """Return a function that makes a command ``toy`` end with an error, or well."""

    def make(error: BaseException | None) -> None:
        def run(options: Namespace) -> None:
            print(f"{options.ducks} ducks")
            if error is not None:
                raise error

        module = ModuleType("birdnet_stm32.commands.toy", "Makes toys.")
        module.EXAMPLE = "birdnet-stm32 toy 3"  # type: ignore[attr-defined]
        module.add_arguments = lambda parser: add(parser)  # type: ignore[attr-defined]
        module.run = run  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(cli.COMMANDS, "toy", "make toys")

    def add(parser: ArgumentParser) -> None:
        parser.add_argument("ducks", type=int)

    return make


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (None, 0),
        (GateError("it does not quack"), 1),
        (InputError("no wood", where="shed", remedy="buy some"), 2),
        (ToolError("no saw"), 3),
        (KeyboardInterrupt(), 130),
    ],
)
def test_how_a_command_ends_is_the_exit_code(
    toy: Callable[[BaseException | None], None],
    capsys: pytest.CaptureFixture[str],
    error: BaseException | None,
    exit_code: int,
) -> None:
    toy(error)
    assert cli.main(["toy", "3"]) == exit_code
    printed = capsys.readouterr()
    assert printed.out == "3 ducks\n"
    if isinstance(error, InputError):
        assert printed.err == "birdnet-stm32 toy: shed: no wood\n  try: buy some\n"


def test_a_bug_is_not_hidden(toy: Callable[[BaseException | None], None]) -> None:
    toy(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        cli.main(["toy", "3"])


@pytest.mark.parametrize("arguments", [[], ["nope"], ["codegen"], ["toy", "many"]])
def test_a_wrong_command_line_is_bad_input(
    toy: Callable[[BaseException | None], None], capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    toy(None)
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert "usage: birdnet-stm32" in capsys.readouterr().err


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert all(f"\n  {name}" in printed for name in cli.COMMANDS)


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_has_help_with_an_example_and_exit_codes(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert f"example:\n  birdnet-stm32 {command} " in printed
    assert "exit codes:\n  0  done\n  1  " in printed


def test_the_module_is_the_same_program() -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "birdnet_stm32", "why", "nope"], capture_output=True, text=True
    )
    assert finished.returncode == 2
    assert finished.stderr.startswith("birdnet-stm32 why: variants: there is no variant 'nope'\n")
    assert finished.stdout == ""


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    listing = subprocess.Popen(
        [sys.executable, "-m", "birdnet_stm32", "why", "demo", "--build", tmp_path],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert listing.stdout is not None
    listing.stdout.close()
    assert listing.stderr is not None
    assert listing.stderr.read() == ""
    assert listing.wait() == 141
    listing.stderr.close()


def test_help_of_any_command_loads_no_tensorflow() -> None:
    script = """
import sys
from birdnet_stm32 import cli
for command in cli.COMMANDS:
    try:
        cli.main([command, "--help"])
    except SystemExit:
        pass
print("tensorflow" in sys.modules or "keras" in sys.modules)
"""
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert finished.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["trian"], "there is no command 'trian'; did you mean train?"),
        (["quack"], "there is no command 'quack'\n"),
        (["why", "demo", "--bild", "x"], "unrecognized arguments: --bild x; did you mean --build?"),
    ],
)
def test_a_misspelt_word_is_answered_with_the_right_one(
    arguments: list[str], answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert answer in capsys.readouterr().err
