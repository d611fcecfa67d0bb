from pathlib import Path

import pytest

from birdnet_stm32.engine import code_digest


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with a stage, what it imports, and what it does not."""
    root = tmp_path / "pack"
    files = {
        "stages/convert.py": "from pack.quant import convert\n",
        "quant/__init__.py": "",
        "quant/convert.py": "import numpy\ndef run():\n    import tensorflow\n    import pack.errors\n",
        "errors.py": "",
        "audio.py": "import librosa\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    templates = tmp_path / "templates"
    (templates / "runtime").mkdir(parents=True)
    (templates / "runtime" / "add.c").write_text("int add;")
    (templates / "app").mkdir()
    (templates / "app" / "main.c").write_text("int main;")
    monkeypatch.setattr(code_digest, "PACKAGE", root)
    monkeypatch.setattr(code_digest, "firmware_templates", lambda: templates)
    return root


def digest(package: Path) -> str:
    code_digest._imports.cache_clear()
    code_digest._file_digest.cache_clear()
    return code_digest.stage_code_digest(package / "stages" / "convert.py", ("runtime",))


def test_the_closure_follows_imports_inside_functions(package: Path) -> None:
    files, others = code_digest.import_closure(package / "stages" / "convert.py")
    names = {file.relative_to(package).as_posix() for file in files}
    assert names == {"stages/convert.py", "quant/__init__.py", "quant/convert.py", "errors.py"}
    assert others == {"numpy", "tensorflow"}


@pytest.mark.parametrize(
    ("edited", "stale"),
    [
        ("stages/convert.py", True),
        ("quant/convert.py", True),
        ("errors.py", True),
        ("audio.py", False),
        ("../templates/runtime/add.c", True),
        ("../templates/app/main.c", False),
    ],
)
def test_an_edit_counts_only_where_it_is_used(package: Path, edited: str, stale: bool) -> None:
    before = digest(package)
    (package / edited).write_text((package / edited).read_text() + "\n\n")
    assert (digest(package) != before) is stale


def test_a_renamed_template_counts(package: Path) -> None:
    before = digest(package)
    runtime = package.parent / "templates" / "runtime"
    (runtime / "add.c").rename(runtime / "sum.c")
    assert digest(package) != before


def test_library_versions_name_what_the_closure_imports(package: Path) -> None:
    assert set(code_digest.library_versions(package / "stages" / "convert.py")) == {"numpy", "tensorflow-cpu"}
