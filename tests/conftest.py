"""Fixtures for all tests."""

from __future__ import annotations

import fcntl
import os
import py_compile
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# How long an example takes says nothing while another worker, and what the tests start, run beside it.
settings.register_profile("tests", settings(deadline=None))
settings.load_profile("tests")

TESTS = Path(__file__).resolve().parent
COMPILERS = ("cc", "gcc", "arm-none-eabi-gcc")
SPREAD = ("tests/pipeline/test_interruption.py", "tests/pipeline/test_staleness.py")
SHARED = TESTS.parents[1] / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write the golden files instead of comparing"
    )


@pytest.hookimpl(optionalhook=True)  # pytest-xdist's
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let the tests of a file run on one worker, so that what they share is made once.

    Two files take minutes, and their tests share nothing but what ``made_once`` gives to every worker. Those
    tests go wherever a worker is free, after the files, which xdist starts with the largest.
    """
    from xdist.scheduler import LoadFileScheduling

    class Files(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return nodeid if file in SPREAD else file

    return Files(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def shared() -> Path:
    """The project's shared recordings and checkpoints, beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not here")
    return SHARED


@pytest.fixture(scope="session")
def between_workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all workers of a run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def made_once(between_workers: Path) -> Callable[[str, Callable[[Path], None]], Path]:
    """Return a function that gives a folder by its name; the first worker that asks for it fills it.

    What is in the folder is for every test to read and for none to change.
    """

    def folder_of(name: str, fill: Callable[[Path], None]) -> Path:
        folder = between_workers / name
        with (between_workers / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.is_dir():
                work = between_workers / f"{name}.work"
                shutil.rmtree(work, ignore_errors=True)  # of a worker that failed at it
                work.mkdir()
                fill(work)
                work.rename(folder)
        return folder

    return folder_of


@pytest.fixture(scope="session", autouse=True)
def object_cache(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Iterator[None]:
    """Let no C file be compiled twice in a run of the tests: ``object_cache.py`` says when it is."""

    def fill(folder: Path) -> None:
        (folder / "bin").mkdir()
        (folder / "objects").mkdir()
        program = folder / "object_cache.pyc"
        py_compile.compile(str(TESTS / "object_cache.py"), cfile=str(program), doraise=True)
        for name in COMPILERS:
            if (compiler := shutil.which(name)) is not None:
                status = Path(compiler).resolve().stat()
                version = f"{compiler} {status.st_size} {status.st_mtime_ns}"
                final = folder.with_suffix("")
                command = [sys.executable, "-IS", final / program.name, final / "objects", compiler, version]
                stand_in = folder / "bin" / name
                stand_in.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, command))} "$@"\n')
                stand_in.chmod(0o755)

    folder = made_once("compilers", fill)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
        yield


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> Iterator[None]:
    """Let Ctrl-C interrupt, also where whoever started the tests in the background had it ignored."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def fresh_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the compiler make every object file, for a test of what the compiler makes."""
    monkeypatch.setenv("OBJECT_CACHE", "off")


@pytest.fixture
def assert_golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare text with ``tests/golden/<name>``; ``--update-golden`` writes it, for review."""

    def check(name: str, text: str) -> None:
        golden = TESTS / "golden" / name
        if request.config.getoption("--update-golden"):
            golden.parent.mkdir(parents=True, exist_ok=True)
            golden.write_text(text, encoding="utf-8")
        assert golden.is_file(), f"{golden} is missing: run pytest --update-golden and review it"
        assert text == golden.read_text(encoding="utf-8")

    return check


@pytest.fixture(scope="session")
def relu_model() -> Callable[..., bytes]:
    """Return a function that writes a .tflite of one int8 RELU on tensors of a shape."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    def make(*shape: int) -> bytes:
        code, step = schema.OperatorCodeT(), schema.OperatorT()
        graph, model = schema.SubGraphT(), schema.ModelT()
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RELU
        step.inputs, step.outputs = [0], [1]
        graph.tensors = []
        for name in ("input", "output"):
            tensor = schema.TensorT()
            tensor.name, tensor.shape, tensor.type, tensor.buffer = name, shape, schema.TensorType.INT8, 0
            graph.tensors.append(tensor)
        graph.inputs, graph.outputs, graph.operators = [0], [1], [step]
        model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
        model.buffers = [schema.BufferT()]
        builder = flatbuffers.Builder(256)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    return make
