"""Find the code that a stage runs: modules that it imports, templates that it renders, library versions.

If any of these changes, the stage is stale. The imports are read from the source code, including imports
inside functions, so nothing has to be imported to find them.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

from birdnet_stm32.paths import PACKAGE, firmware_templates

# Distributions whose version may change the outputs of a stage, by the name of their import.
DISTRIBUTIONS = {
    "ai_edge_litert": "ai-edge-litert",
    "elftools": "pyelftools",
    "h5py": "h5py",
    "jinja2": "jinja2",
    "keras": "keras",
    "librosa": "librosa",
    "matplotlib": "matplotlib",
    "numpy": "numpy",
    "pyarrow": "pyarrow",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "soundfile": "soundfile",
    "soxr": "soxr",
    "tensorflow": "tensorflow-cpu",
}


# The fields of a statement that hold statements. Expressions hold none; it takes long to look at them.
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def _import_statements(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield every import statement of a module, those inside functions and branches included."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
            continue
        for block in _BLOCKS:
            inner = getattr(node, block, None)
            if isinstance(inner, list):  # the body of a lambda is an expression
                waiting.extend(inner)


@cache
def _imports(path: Path) -> tuple[frozenset[Path], frozenset[str]]:
    """Return the files of this package, and the top-level names of other packages, that ``path`` imports."""
    own: set[Path] = set()
    others: set[str] = set()
    for node in _import_statements(ast.parse(path.read_bytes(), filename=str(path))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif node.module and node.level == 0:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            head, *rest = name.split(".")
            if head != PACKAGE.name:
                others.add(head)
                continue
            packages = (PACKAGE.joinpath(*rest[:depth], "__init__.py") for depth in range(len(rest) + 1))
            files = (*packages, PACKAGE.joinpath(*rest).with_suffix(".py"))
            own.update(file for file in files if file.is_file())
    return frozenset(own), frozenset(others)


def import_closure(module: Path) -> tuple[list[Path], set[str]]:
    """Return all files of this package that ``module`` needs, and the other packages that they import."""
    files: set[Path] = set()
    others: set[str] = set()
    waiting = [module]
    while waiting:
        file = waiting.pop()
        if file in files:
            continue
        files.add(file)
        own, foreign = _imports(file)
        others |= foreign
        waiting.extend(own - files)
    return sorted(files), others


@cache
def _file_digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def stage_code_digest(module: Path, templates: Iterable[str]) -> str:
    """Return the digest of all code that a stage runs.

    Args:
        module: the file that holds the stage's ``run``.
        templates: folders of ``firmware_templates`` that the stage renders or copies.
    """
    root = firmware_templates()
    modules = import_closure(module)[0]
    # A package has its own templates beside its modules.
    beside = {folder for file in modules if (folder := file.parent / "templates").is_dir()}
    rendered = (file for folder in templates for file in (root / folder).rglob("*") if file.is_file())
    named = [(file.relative_to(PACKAGE).as_posix(), file) for file in modules]
    own = (file for folder in beside for file in folder.rglob("*") if file.is_file())
    named += [(file.relative_to(PACKAGE).as_posix(), file) for file in own]
    named += [(f"templates/{file.relative_to(root).as_posix()}", file) for file in rendered]
    whole = hashlib.sha256()
    for name, file in sorted(named):
        whole.update(name.encode() + b"\0" + _file_digest(file))
    return whole.hexdigest()


@cache
def _version(distribution: str) -> str:
    return version(distribution)


def library_versions(module: Path) -> dict[str, str]:
    """Return the version of every library that ``module`` imports, directly or not."""
    used = sorted(DISTRIBUTIONS[name] for name in import_closure(module)[1] & DISTRIBUTIONS.keys())
    return {distribution: _version(distribution) for distribution in used}
