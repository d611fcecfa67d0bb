"""Run a network on this computer as the C that is generated for it, compiled here.

The C gives the same bits as LiteRT's reference kernels, in less than half their time. It is compiled once for
each network and kept in the user's cache. Whoever runs it compares the first windows with the reference
kernels, so that a wrong compiler cannot give wrong results unnoticed.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.codegen.emit import generate_c
from birdnet_stm32.codegen.lowering import check_supported
from birdnet_stm32.codegen.network_document import NetworkDocument
from birdnet_stm32.errors import InputError, ToolError
from birdnet_stm32.files.document import parse_document
from birdnet_stm32.files.tree import write_tree
from birdnet_stm32.process import run_program
from birdnet_stm32.tflite.reader import read_graph

Floats = NDArray[np.float32]

COMPILERS = ("cc", "gcc", "clang")
# The code has no instructions of one processor alone, so that a cache in a home directory that several
# computers share does no harm. With them it is no faster.
_FLAGS = ("-std=c11", "-O3", "-ffp-contract=off", "-fPIC", "-shared")
_TIMEOUT_S = 300.0
_NETWORK_BYTES = 64  # of the C type birdnet_network_t, which holds one pointer


def find_compiler() -> Path | None:
    """Return the C compiler of this computer; None if there is none."""
    found = next((path for name in COMPILERS if (path := shutil.which(name)) is not None), None)
    return None if found is None else Path(found)


def cache_folder() -> Path:
    """Return the folder that compiled networks are kept in."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "birdnet-stm32" / "networks"


def compile_network(
    tflite: bytes, compiler: Path, folder: Path, *, begins: Callable[[], None] = lambda: None
) -> Path:
    """Compile the C of a model as a library, unless it is in the folder already.

    Args:
        tflite: an int8 model.
        compiler: a C compiler that takes the options of gcc.
        folder: where the library is kept; it is created.
        begins: called before the compiler is, which may take a minute.

    Returns:
        The library, for :class:`CompiledNetwork`. Beside it lies its description, ``.json``.

    Raises:
        InputError: the model has an operator for which there is no C, or is not int8.
        ToolError: the compiler failed.
        OSError: the folder cannot be written.
    """
    graph = read_graph(tflite, where="the model", whole=False)
    check_supported(graph)
    shape = graph.tensors[graph.outputs[0]].shape
    files = generate_c(graph, labels=[f"output_{number}" for number in range(shape[-1] if shape else 1)])
    digest = hashlib.sha256(repr((_FLAGS, sorted(files.items()))).encode()).hexdigest()[:32]
    library, described = folder / f"{digest}.so", folder / f"{digest}.json"
    if library.is_file() and described.is_file():
        return library
    begins()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="birdnet-") as work:
        write_tree(Path(work), files)
        # Kernels for Helium are empty on other processors, and to compile them takes half of the time.
        sources = sorted(name for name in files if name.endswith(".c") and not name.endswith("_mve.c"))
        run_program(
            [compiler, *_FLAGS, "-I.", *sources, "-lm", "-o", "network.so"],
            cwd=Path(work),
            timeout_s=_TIMEOUT_S,
        )
        for content, place in (
            (files[NetworkDocument.FILE], described),
            ((Path(work) / "network.so").read_bytes(), library),
        ):
            partial = place.with_name(f".{place.name}.{os.getpid()}")
            partial.write_bytes(content)
            partial.replace(place)
    return library


class CompiledNetwork:
    """A compiled network, for one thread at a time.

    Args:
        library: from :func:`compile_network`.

    Raises:
        ToolError: the library cannot be loaded.
    """

    def __init__(self, library: Path) -> None:
        described = library.with_suffix(".json")
        document = parse_document(NetworkDocument, described.read_bytes(), where=described)
        try:
            code = ctypes.CDLL(str(library))
            prepare = code[f"birdnet_network_init_of_network_{document.digest}"]
            self._run = code[f"birdnet_network_run_of_network_{document.digest}"]
        except (OSError, AttributeError) as error:
            raise ToolError(f"cannot be loaded: {error}", where=library, remedy="delete it") from error
        self._run.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
        prepare.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
        self._input_elements, self._outputs = document.input.elements, document.output.elements
        self._arena = np.zeros(document.arena.size_bytes + document.arena.alignment_bytes, np.int8)
        self._network = ctypes.create_string_buffer(_NETWORK_BYTES)
        first = self._arena.ctypes.data
        first += -first % document.arena.alignment_bytes
        if prepare(self._network, first, document.arena.size_bytes) != 0:
            raise ToolError("refuses its memory", where=library, remedy="delete it")

    def run(self, inputs: Floats) -> Floats:
        """Return the outputs of the model for windows.

        Args:
            inputs: float32 ``[n, *input shape]``.

        Returns:
            float32 ``[n, outputs]``, the same bits as from the reference kernels.

        Raises:
            InputError: the inputs have another size.
        """
        windows = np.ascontiguousarray(inputs, np.float32).reshape(len(inputs), -1)
        if windows.shape[1] != self._input_elements:
            raise InputError(
                f"a window has {windows.shape[1]:,} values", expected=f"{self._input_elements:,} values"
            )
        outputs = np.empty((len(windows), self._outputs), np.float32)
        for window, output in zip(windows, outputs, strict=True):
            if self._run(self._network, window.ctypes.data, output.ctypes.data) != 0:
                raise ToolError("the compiled network refuses a window")
        return outputs
