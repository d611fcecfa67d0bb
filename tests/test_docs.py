"""What the documentation says can be done: links lead somewhere, commands exist, variant files load."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from birdnet_stm32.cli import COMMANDS
from birdnet_stm32.config.variant_file import load_variant
from birdnet_stm32.stages.catalog import BY_NAME

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "data" / "README.md"])
DOIT_COMMANDS = {"clean", "forget", "help", "info", "list", "run", "tabcompletion"}

by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def blocks(page: Path, language: str = r"(?!diff$)\w*") -> Iterator[str]:
    """Yield what stands between fences."""
    text = page.read_text(encoding="utf-8")
    for block in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        yield block[1]


def code(page: Path) -> Iterator[str]:
    """Yield every line of code: in fences and in back quotes."""
    for block in blocks(page):
        yield from block.replace("\\\n", " ").splitlines()
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"`([^`\n]+)`", prose)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@by_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    listed = {
        (index.parent / target).resolve()
        for target in re.findall(r"\]\(([^)\s#]+)\)", index.read_text(encoding="utf-8"))
    }
    decisions = set((ROOT / "docs" / "adr").glob("0*.md"))
    rules = set((ROOT / "docs" / "reference" / "lint").glob("[!R]*.md"))  # listed by their own README
    assert {page for page in PAGES if index.parent in page.parents} - decisions - rules - {index} <= listed


@by_page
def test_commands_exist(page: Path) -> None:
    for line in code(page):
        for name in re.findall(r"birdnet-stm32 ([a-z]\w*)", line):
            assert name in COMMANDS, line


@by_page
def test_stages_exist(page: Path) -> None:
    for line in code(page):
        called = re.match(r"(?:\$ |- run: )?(?:\S*/)?doit(?: (.*))?$", re.split("  #| > ", line)[0].rstrip())
        for word in (called[1] or "").split() if called else ():
            if "=" in word or word.startswith("-") or word.isdecimal():
                continue
            assert word.split(":")[0] in BY_NAME or word in DOIT_COMMANDS, line


@by_page
def test_variant_files_load(page: Path, tmp_path: Path) -> None:
    (tmp_path / "data" / "train").mkdir(parents=True)  # for those that name no recordings
    (tmp_path / "variants").mkdir()
    for number, block in enumerate(blocks(page, "toml")):
        whole = block if "[variant]" in block else f'[variant]\ntitle = "Docs"\n\n{block}'
        path = tmp_path / "variants" / f"block_{number}.toml"
        path.write_text(whole, encoding="utf-8")
        load_variant(path)


def test_no_file_names_a_machine_or_a_package_index() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    forbidden = re.compile(
        r"pypi\.org|pythonhosted|--(extra-)?index-url [^x]|/root/|/home/(?!me/)|/Users/|"
        + re.escape(f"{ROOT}/")
    )
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if not path.is_file() or path == Path(__file__):
            continue
        try:
            found = forbidden.search(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            continue  # a picture
        assert not found, f"{name}: {found[0] if found else ''}"


def test_python_reference_is_current() -> None:
    spec = importlib.util.spec_from_file_location("api_reference", ROOT / "scripts" / "api_reference.py")
    assert spec is not None
    assert spec.loader is not None
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    page = (ROOT / "docs/reference/python.md").read_text(encoding="utf-8")
    assert page == reference.markdown(), "run scripts/api_reference.py"


def script(name: str) -> ModuleType:
    """Return a module of the folder ``scripts``."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_command_reference_is_current() -> None:
    reference = script("command_reference")
    page = reference.PAGE.read_text(encoding="utf-8")
    assert page == reference.markdown(), "run scripts/command_reference.py"


def test_document_reference_is_current() -> None:
    reference = script("document_reference")
    found = {path.name: path.read_text(encoding="utf-8") for path in reference.FOLDER.iterdir()}
    assert found == reference.pages(), "run scripts/document_reference.py"


def test_every_document_is_in_the_reference() -> None:
    listed = {kind.__name__ for _, kind in script("document_reference").DOCUMENTS}
    defined = {
        node.name
        for path in (ROOT / "birdnet_stm32").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        and any(
            isinstance(field, ast.AnnAssign) and ast.unparse(field.target) == "FILE" for field in node.body
        )
    }
    assert defined - {"Document"} == listed


def test_the_glossary_is_in_alphabetical_order() -> None:
    page = (ROOT / "docs" / "explanation" / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^## (.+)$", page, re.MULTILINE)
    assert terms == sorted(set(terms), key=str.lower)
