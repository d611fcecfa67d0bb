"""The pages of the rules are those of the rules."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_every_rule_has_its_page_and_no_other() -> None:
    spec = importlib.util.spec_from_file_location("lint_reference", ROOT / "scripts" / "lint_reference.py")
    assert spec is not None
    assert spec.loader is not None
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    written = {path.name: path.read_text(encoding="utf-8") for path in reference.FOLDER.iterdir()}
    assert written == reference.pages(), "run scripts/lint_reference.py"
