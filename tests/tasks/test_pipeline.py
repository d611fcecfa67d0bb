import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from doit.cmd_base import ModuleTaskLoader
from doit.doit_cmd import DoitMain
from doit.exceptions import InvalidDodoFile

from birdnet_stm32.engine import code_digest, release, stage
from birdnet_stm32.engine.stage import Job, Outcome, Stage
from birdnet_stm32.errors import BirdnetError, GateError, InputError, ToolError
from birdnet_stm32.stages import catalog
from birdnet_stm32.stages.catalog import STAGES
from birdnet_stm32.tasks import pipeline as doit_tasks
from birdnet_stm32.tasks.pipeline import pipeline_tasks
from birdnet_stm32.tasks.releases import load_releases
from birdnet_stm32.tasks.reporter import StageReporter

DEMO = "[variant]\ntitle = 'x'\n[index]\nroot = 'recordings'\n"


@pytest.fixture
def variants(tmp_path: Path) -> Path:
    (tmp_path / "variants").mkdir()
    (tmp_path / "variants" / "demo.toml").write_text(DEMO)
    return tmp_path / "variants"


def names(variants: Path) -> list[str]:
    found = pipeline_tasks(load_releases(variants, variants.parent / "build"))
    return [f"{task['basename']}:{task['name']}" for task in found if task["name"]]


def test_every_stage_of_every_variant_is_a_task(variants: Path) -> None:
    (variants / "birds.toml").write_text(DEMO)
    found = names(variants)
    assert found[:2] == ["index:birds", "index:demo"]
    assert found[-2:] == ["bundle:birds", "bundle:demo"]
    assert [name for name in found if name.endswith(":demo/qat")] == ["candidate:demo/qat"]
    # Without fetch, teacher, folds and the two stages of ST's tool, and with three recipes.
    assert len(found) == 2 * (len(STAGES) - 5 + 2)


def test_a_variant_has_only_the_stages_that_it_wants(variants: Path) -> None:
    boards = '[firmware]\nboards = ["stm32n6570_dk"]\n[qat]\nwhen = "never"\n'
    (variants / "demo.toml").write_text(DEMO + boards)
    assert {"emulate:demo", "candidate:demo/qat", "fetch:demo"} & set(names(variants)) == set()
    assert {"image:demo", "candidate:demo/ptq"} <= set(names(variants))


def test_stages_wait_for_the_stages_that_they_need(variants: Path) -> None:
    found = {
        f"{task['basename']}:{task['name']}": task
        for task in pipeline_tasks(load_releases(variants, variants))
    }
    assert found["analyze:demo"]["task_dep"] == ["verify:demo"]
    recipes = [f"candidate:demo/{recipe}" for recipe in ("ptq", "inner_subranges", "qat")]
    assert found["convert:demo"]["task_dep"] == recipes
    assert set(found["candidate:demo/qat"]["task_dep"]) > set(recipes[:2])


def test_doit_has_no_opinion_of_its_own_on_files(variants: Path) -> None:
    for task in pipeline_tasks(load_releases(variants, variants)):
        assert {"file_dep", "targets"} & task.keys() == set()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "holds no variant"),
        (DEMO + "[verify]\nmin_cosine_man = 1\n", "demo.toml:6: .*did you mean min_cosine_mean"),
        ("[", "is not valid TOML"),
    ],
)
def test_a_wrong_folder_of_variants_is_doits_own_error(
    variants: Path, text: str | None, message: str
) -> None:
    if text is None:
        (variants / "demo.toml").unlink()
    else:
        (variants / "demo.toml").write_text(text)
    with pytest.raises(InvalidDodoFile, match=re.compile(message, re.DOTALL)):
        load_releases(variants, variants)


class Doit:
    """doit in this process, on a pipeline of one stage, ``toy``, that tests write."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.module = ModuleType("birdnet_stm32.stages.toy")
        source = root / "package" / "stages" / "toy.py"
        source.parent.mkdir(parents=True)
        source.write_text("")
        monkeypatch.setitem(sys.modules, self.module.__name__, self.module)
        for module in (code_digest, stage):
            monkeypatch.setattr(module, "PACKAGE", root / "package")
        toy = Stage(name="toy", doc="make a toy")
        monkeypatch.setattr(catalog, "STAGES", (toy,))
        monkeypatch.setattr(doit_tasks, "BY_NAME", {"toy": toy})
        monkeypatch.chdir(root)

    def makes(self, error: BaseException | None = None, *, warnings: tuple[str, ...] = ()) -> None:
        def run(job: Job) -> Outcome:
            (job.out / "toy.txt").write_text("a duck")
            if error is not None:
                raise error
            return Outcome(summary="one duck, [bold]yellow", warnings=warnings)

        self.module.run = run  # type: ignore[attr-defined]

    def tasks(self) -> Any:
        yield from pipeline_tasks(load_releases(self.root / "variants", self.root / "build"))

    def run(self, *arguments: str) -> int | None:
        config = {
            "backend": "json",
            "dep_file": str(self.root / "doit.json"),
            "reporter": StageReporter,
            "verbosity": 2,
        }
        loader = ModuleTaskLoader({"task_pipeline": self.tasks, "DOIT_CONFIG": config})
        exit_code: int | None = DoitMain(loader, config_filenames=()).run(list(arguments))
        return exit_code

    def build(self) -> tuple[int | None, str]:
        """Return the exit code and what was printed."""
        printed = self.root / "printed.txt"
        exit_code = self.run("run", "-o", str(printed), "toy:demo")
        return exit_code, printed.read_text()


@pytest.fixture
def doit(variants: Path, monkeypatch: pytest.MonkeyPatch) -> Doit:
    return Doit(variants.parent, monkeypatch)


def test_a_build_says_what_ran_and_the_next_that_all_is_up_to_date(doit: Doit) -> None:
    doit.makes()
    exit_code, printed = doit.build()
    assert exit_code == 0
    assert "toy:demo make a toy\n" in printed
    assert re.search(r"^toy:demo +ran +0\.0 +one duck, \[bold\]yellow", printed, re.MULTILINE)
    exit_code, printed = doit.build()
    assert exit_code == 0
    assert re.search(r"^toy:demo +up to date +one duck, \[bold\]yellow", printed, re.MULTILINE)


def test_a_warning_is_shown_after_every_build_and_not_only_after_the_first(doit: Doit) -> None:
    doit.makes(warnings=("the duck has [bold]one leg",))
    for _ in range(2):
        exit_code, printed = doit.build()
        assert exit_code == 0
        assert "\ntoy:demo: the duck has [bold]one leg\n" in printed


@pytest.mark.parametrize(
    ("error", "exit_code", "state"),
    [
        (GateError("it does not quack", expected="a quack", remedy="oil it"), 1, "refused"),
        (InputError("no [wood]", where="shed"), 2, "failed"),
        (ToolError("no saw"), 2, "failed"),
    ],
)
def test_an_error_is_shown_in_full_and_in_the_table(
    doit: Doit, error: BirdnetError, exit_code: int, state: str
) -> None:
    doit.makes(error)
    ended, printed = doit.build()
    assert ended == exit_code
    assert str(error) in printed
    assert re.search(rf"^toy:demo +{state}", printed, re.MULTILINE)
    assert ("what it made is in build/demo/toy.failed" in printed) is (state == "refused")
    assert "Traceback" not in printed


def test_a_bug_shows_its_traceback(doit: Doit) -> None:
    doit.makes(ZeroDivisionError("a bug"))
    exit_code, printed = doit.build()
    assert exit_code == 2
    assert "ZeroDivisionError: a bug" in printed


def test_a_task_shows_its_reasons(doit: Doit) -> None:
    doit.makes()
    (is_current,) = list(doit.tasks())[1]["uptodate"]
    assert not is_current()
    assert repr(is_current) == "it has not been published yet"
    doit.build()
    assert is_current()
    assert repr(is_current) == "up to date"
    (doit.root / "build" / "demo" / "toy" / "toy.txt").unlink()
    assert repr(is_current) == "output toy.txt was changed or removed"


def test_clean_removes_the_folder(doit: Doit) -> None:
    doit.makes()
    doit.build()
    unfinished = doit.root / "build" / "demo" / "toy.unfinished"
    unfinished.mkdir()
    doit.run("clean", "toy:demo")
    assert not (doit.root / "build" / "demo" / "toy").exists()
    assert not unfinished.exists()
    unfinished.mkdir()  # of a first run that was stopped
    doit.run("clean", "toy:demo")
    assert not unfinished.exists()


@pytest.fixture
def shop(variants: Path, monkeypatch: pytest.MonkeyPatch) -> Doit:
    made = Doit(variants.parent, monkeypatch)
    made.makes()
    return made


def run(shop: Doit, *arguments: str) -> tuple[int | None, str]:
    printed = shop.root / "printed.txt"
    exit_code = shop.run("run", "-o", str(printed), *arguments)
    return exit_code, printed.read_text()


@pytest.mark.parametrize("options", [(), ("-n", "2", "-P", "thread")])
def test_one_broken_variant_leaves_the_others_alone(
    shop: Doit, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    """``aaa`` comes before the good ones, ``zzz`` behind them."""
    for name in ("aaa", "zzz"):
        (shop.root / "variants" / f"{name}.toml").write_text("garbage {{{")
    exit_code, printed = run(shop, *options, "toy:demo")
    assert exit_code == 0
    assert "aaa.toml:1: is not valid TOML" in capsys.readouterr().err

    (shop.root / "variants" / "good.toml").write_text(DEMO)
    exit_code, printed = run(shop, *options, "toy")
    assert exit_code == 2, "the broken ones were asked for too"
    assert (shop.root / "build" / "good" / "toy" / "toy.txt").is_file()
    assert "toy:aaa: " in printed
    assert "aaa.toml:1: is not valid TOML" in printed

    exit_code, printed = run(shop, *options, "toy:zzz")
    assert exit_code == 2
    assert "zzz.toml:1: is not valid TOML" in printed


def test_a_broken_variant_is_listed(shop: Doit, capsys: pytest.CaptureFixture[str]) -> None:
    (shop.root / "variants" / "bad.toml").write_text("[variant]\ntitle = 3\n")
    capsys.readouterr()
    assert shop.run("list", "--all") == 0
    listed = capsys.readouterr()
    assert re.search(r"toy:bad +broken: .*bad\.toml:2: variant\.title is 3", listed.out)
    assert "bad.toml:2: variant.title is 3" in listed.err


def test_a_suffix_in_capitals_is_named(shop: Doit, capsys: pytest.CaptureFixture[str]) -> None:
    (shop.root / "variants" / "other.TOML").write_text(DEMO)
    assert shop.run("list", "--all") == 0
    assert "other.TOML is not a variant: its name has to end in .toml" in capsys.readouterr().err


def test_broken_variants_of_one_task_name_leave_the_others_alone(
    shop: Doit, capsys: pytest.CaptureFixture[str]
) -> None:
    """doit takes no ``=``, ``:`` and ``*`` in the name of a task, nor two tasks of one name."""
    for name in ("a_b", "a=b", "a:b", "a*b"):
        (shop.root / "variants" / f"{name}.toml").write_text(DEMO)
    assert run(shop, "toy:a_b")[0] == 0
    capsys.readouterr()
    assert shop.run("list", "--all") == 0
    listed = capsys.readouterr().out
    assert [f"toy:a_b{more} " in listed for more in ("", "_", "__", "___")] == [True] * 4


def test_after_a_failure_every_broken_variant_still_says_what_is_wrong(shop: Doit) -> None:
    """doit itself would name the stages of others that failed."""
    (shop.root / "variants" / "bad.toml").write_text("[variant")
    shop.makes(InputError("no duck"))
    exit_code, printed = run(shop, "--continue", "toy")
    assert exit_code == 2
    assert "toy:demo: no duck" in printed
    assert re.search(r"toy:bad: .*bad\.toml:1: is not valid TOML", printed)
    assert "\ntoy: " not in printed


def test_a_stage_behind_one_that_failed_says_so(shop: Doit, monkeypatch: pytest.MonkeyPatch) -> None:
    toy, walk = catalog.STAGES[0], Stage(name="walk", doc="walk the toy", needs=("toy",))
    monkeypatch.setattr(catalog, "STAGES", (toy, walk))
    for module in (catalog, doit_tasks):
        monkeypatch.setattr(module, "BY_NAME", {"toy": toy, "walk": walk})
    shop.makes(InputError("no duck"))
    _, printed = run(shop, "--continue", "walk:demo")
    assert "walk:demo: not run, because of toy:demo" in printed
    assert re.search(r"walk:demo +not run", printed)


def test_a_variant_that_is_a_link_to_itself_leaves_the_others_alone(
    shop: Doit, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop.root / "variants" / "loop.toml").symlink_to("loop.toml")
    capsys.readouterr()
    assert run(shop, "toy:demo")[0] == 0
    assert "loop.toml: cannot be read: it is a link that leads back to itself" in capsys.readouterr().err


def test_hidden_and_companion_files_are_no_variants(variants: Path) -> None:
    for name in ("._demo.toml", ".#demo.toml", ".toml", "demo.toml~", "#demo.toml#", "demo.toml.swp"):
        (variants / name).write_bytes(b"\0\5\26\7")
    (variants / "folder.toml").mkdir()
    found = load_releases(variants, variants)
    assert ([release.name for release in found.good], dict(found.broken)) == (["demo"], {})


@pytest.mark.parametrize(
    "name", ["..", "...", "a b", "gr\u00fcn", "-x", "a:b", "a=b", "a*", "a.", "x" * 101, "a\nb"]
)
def test_a_name_that_no_variant_can_have_is_refused(
    shop: Doit, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (shop.root / "variants" / f"{name}.toml").write_text(DEMO)
    before = sorted(path.name for path in shop.root.iterdir())
    exit_code, printed = run(shop, "toy")
    assert exit_code == 2
    assert "cannot be the name of a variant" in printed
    assert (shop.root / "build" / "demo" / "toy" / "toy.txt").is_file()
    assert sorted({path.name for path in shop.root.iterdir()} - {*before, "build", "printed.txt"}) in (
        [],
        ["doit.json"],
    )
    with pytest.raises(InputError, match="cannot be the name of a variant"):
        release.load_release(name, shop.root / "variants", shop.root / "build")


@pytest.mark.parametrize("name", ["demo-2", "v1.2", "a_b", "_x", "0"])
def test_ordinary_names_are_taken(variants: Path, name: str) -> None:
    (variants / f"{name}.toml").write_text(DEMO)
    assert release.load_release(name, variants, variants).name == name


@pytest.mark.shared
@pytest.mark.parametrize("trial", ["bom", "appledouble", "other_bad"])
def test_variants_of_trials_are_read(shared: Path, trial: str) -> None:
    assert load_releases(shared / "data" / "trials" / "variants" / trial, Path("build")).good


@pytest.mark.shared
@pytest.mark.parametrize(
    ("trial", "said"),
    [
        ("latin1", "v.toml:2: is not UTF-8; it looks like Latin-1"),
        ("root_nul", "v.toml:5: index.root holds NUL"),
        ("name_dotdot", "'..' cannot be the name of a variant"),
    ],
)
def test_variants_of_trials_are_refused(shared: Path, trial: str, said: str) -> None:
    with pytest.raises(InvalidDodoFile, match=re.escape(said)):
        load_releases(shared / "data" / "trials" / "variants" / trial, Path("build"))


def test_the_terminal_shows_names_and_summaries_as_they_are(shop: Doit) -> None:
    def make(job: Job) -> Outcome:
        return Outcome(summary=":a: [red]x[/] \x1b[2J :smile:", warnings=(":b: \x1b[31m",))

    shop.module.run = make  # type: ignore[attr-defined]
    _, printed = run(shop, "toy:demo")
    assert r":a: [red]x[/] \x1b[2J :smile:" in printed
    assert "\x1b" not in printed


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_that_is_killed_ends_the_build_with_a_sentence(shop: Doit, number: signal.Signals) -> None:
    def make(job: Job) -> Outcome:
        os.kill(os.getpid(), number)
        return Outcome(summary="a duck")

    shop.module.run = make  # type: ignore[attr-defined]
    exit_code, printed = run(shop, "-n", "2", "toy:demo")
    assert exit_code == 2
    assert f"was ended by the signal {number.name}" in printed
    assert "Traceback" not in printed


def itself(path: Path) -> None:
    path.symlink_to(path.name)


def elsewhere(path: Path) -> None:
    folder = path.parents[2] / "elsewhere"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    path.symlink_to(folder)


@pytest.mark.parametrize("make", [itself, elsewhere, os.mkfifo, Path.touch])
@pytest.mark.parametrize(
    "name", ["demo/.toy.old", "demo/.toy.77", "demo/toy.failed", "demo/toy.log", "demo/toy"]
)
def test_what_stands_in_the_place_of_own_files_is_put_aside(
    shop: Doit, name: str, make: Callable[[Path], None]
) -> None:
    path = shop.root / "build" / name
    path.parent.mkdir(parents=True)
    make(path)
    exit_code, printed = run(shop, "toy:demo")
    assert "Traceback" not in printed
    if name == "demo/toy" and make is not itself:  # nobody knows whose it is
        assert "no stage published it" in printed
        assert exit_code == 2
    else:
        assert exit_code == 0, printed
        assert (shop.root / "build/demo/toy/toy.txt").read_text() == "a duck"
        assert not path.is_symlink()
        assert not path.is_fifo()
    if make is elsewhere:
        assert (shop.root / "elsewhere" / "mine.txt").read_text() == "mine"
        assert len(list((shop.root / "elsewhere").iterdir())) == 1


def test_a_stage_that_was_moved_elsewhere_by_a_link_is_built_again_and_again(shop: Doit) -> None:
    folder = shop.root / "build" / "demo" / "toy"
    assert run(shop, "toy:demo")[0] == 0
    folder.rename(shop.root / "moved")
    for _ in range(2):
        if not folder.exists():
            folder.symlink_to(shop.root / "moved")
        (folder / "toy.txt").unlink()
        exit_code, printed = run(shop, "toy:demo")
        assert exit_code == 0, printed
    folder.rename(shop.root / "again")
    folder.symlink_to(shop.root / "again")
    shop.run("clean", "toy:demo")
    assert not folder.is_symlink()
    assert (shop.root / "again" / "toy.txt").exists()


@pytest.mark.parametrize("make", [itself, os.mkfifo, Path.touch])
@pytest.mark.parametrize("name", ["build", "build/demo"])
def test_what_stands_in_the_place_of_a_folder_is_one_sentence(
    shop: Doit, name: str, make: Callable[[Path], None]
) -> None:
    path = shop.root / name
    path.parent.mkdir(exist_ok=True)
    make(path)
    exit_code, printed = run(shop, "toy:demo")
    assert exit_code == 2
    assert "Traceback" not in printed
    assert f"{path}" in printed


@pytest.mark.parametrize(
    ("make", "said"), [(itself, "leads back to itself"), (os.mkfifo, "pipe"), (Path.mkdir, "a folder")]
)
@pytest.mark.parametrize("name", [".demo.lock", "demo/toy.log"])
def test_what_is_no_lock_and_no_log_is_one_sentence(
    shop: Doit, name: str, make: Callable[[Path], None], said: str
) -> None:
    path = shop.root / "build" / name
    path.parent.mkdir(parents=True)
    make(path)
    exit_code, printed = run(shop, "toy:demo")
    assert "Traceback" not in printed
    if name == ".demo.lock" or make is Path.mkdir:
        assert exit_code == 2
        assert said in printed


def test_a_folder_that_no_stage_published_is_never_replaced(
    shop: Doit, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = shop.root / "build" / "demo" / "toy"
    mine.mkdir(parents=True)
    (mine / "song.wav").write_bytes(b"recorded at dawn")
    exit_code, printed = run(shop, "toy:demo")
    assert exit_code == 2
    assert "exists already, and no stage published it" in printed
    with pytest.raises(SystemExit):
        shop.run("clean", "toy:demo")
    assert "no stage published it" in capsys.readouterr().err
    assert [path.name for path in mine.iterdir()] == ["song.wav"]
    (mine / "song.wav").unlink()
    assert run(shop, "toy:demo")[0] == 0, "an empty folder is nobody's"


@pytest.mark.parametrize("name", ["a" * 5_000, "a" * 300, "a\0b"])
def test_a_folder_that_cannot_be_is_doits_own_error(name: str) -> None:
    with pytest.raises(InvalidDodoFile, match=r"build=a+.* (is too long for a path|holds NUL)"):
        doit_tasks.doit_config(Path(name))
    with pytest.raises(InvalidDodoFile):
        load_releases(Path(name), Path("build"))
