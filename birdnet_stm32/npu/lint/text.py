"""Findings and rules as lines of text."""

from __future__ import annotations

from collections.abc import Iterable

from birdnet_stm32.npu.lint.check import LintFinding, count_findings
from birdnet_stm32.npu.lint.rule import Rule
from birdnet_stm32.terminal_text import counted

_NAME_LENGTH = 60


def finding_line(diagnosis: LintFinding, model: str) -> str:
    """Return one line, which ends with the id of the rule: the name of its page in docs/reference/lint."""
    place = f"{model}:#{diagnosis.operator} {_printable(diagnosis.name)} {_printable(diagnosis.tensor)}"
    said = f"{diagnosis.rule.severity}: {_printable(diagnosis.message, 200)}"
    if diagnosis.suppressed is not None:
        said = f"suppressed {said} ({diagnosis.suppressed})"
    return f"{place}: {said}  [{diagnosis.rule.id}]"


def findings_summary(diagnoses: Iterable[LintFinding]) -> str:
    """Return the number of findings of each severity as text.

    >>> findings_summary(())
    'clean'
    """
    numbers = count_findings(diagnoses)
    found = [
        f"{count} {name}" if name == "suppressed" else counted(count, name)
        for name, count in numbers.items()
        if count
    ]
    clean = not (numbers["error"] or numbers["warning"])
    return ", ".join((*(["clean"] if clean else []), *found))


def rules_listing(rules: Iterable[Rule]) -> str:
    """Return one line for each rule."""
    return "\n".join(f"{rule.id:<32} {rule.severity:<8} {rule.title}" for rule in rules)


def _printable(text: str, length: int = _NAME_LENGTH) -> str:
    """Return text from a file without characters that control a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:length]
