#!/usr/bin/env python3
"""Write docs/reference/lint: a page for every rule of the linter, and a list of them."""

from __future__ import annotations

from pathlib import Path

from birdnet_stm32.npu.lint.catalog import RULES
from birdnet_stm32.npu.lint.rule import LintSeverity, Rule

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference" / "lint"

HEAD = """\
# Lint rules

`birdnet-stm32 lint MODEL.tflite` and the stage `analyze` look for what is known to fail, to hang or to be
silently wrong between a `.tflite` and the STM32N6's NPU, before anything is compiled and without ST's
programs. A finding ends with the id of its rule, which is the name of its page:

```
model.tflite:#12 TRANSPOSE conv_1/transpose: error: a computed tensor ...  [transpose-below-rank-4]
```

`#12` is the operator, by its place in the file; then come its TFLite name and the tensor concerned.

| severity | means |
|---|---|
| error | known to fail, to hang, or to compute something else without a word |
| warning | costs an epoch on the Cortex-M55, or is documented nowhere; avoidable |
| hint | runs in most networks: slower, or to be proven on the board |

`lint` ends with 1 where there is an error, with 0 otherwise. The stage `analyze` refuses a release with an
error where `[codegen] backend` is `stedgeai`; the portable C computes such operators like any other.

A model without errors and warnings is clean. The pipeline's own models are; they have hints,
[depthwise-stride](depthwise-stride.md) and [add-scales-differ](add-scales-differ.md) above all.

A finding that is known and harmless in one release is allowed there, with a reason that the report shows:

```toml
[index]
root = "recordings"

[lint]
suppress = { explicit-pad = "compiled with 4.0.1: the padding became part of the convolution" }
```

An id that is no rule's is refused; a suppression that finds nothing is said.

`--suggest` says what to put in the place of a convolution that hangs the NPU
([full-height-kernel](full-height-kernel.md)), and proves it on the convolution's own weights: how far the
outputs differ in float and in int8. It takes seconds and changes nothing; the exit code stays.

The rules stand on ST's operator documentation and error messages, on compile reports, and on reports from
boards. Many rest on one report with one version. This project has tried none of them on silicon: the
compiler and the board have the last word, and an operator that no table lists is a warning, never an error.
Each page names its evidence, with version and date; how often conditions are right against what the compiler
made of public networks is counted in [npu_evidence](../../explanation/npu_evidence.md).
"""


def pages() -> dict[str, str]:
    """Return every page by its file name."""
    return {"README.md": _index(), **{f"{rule.id}.md": _page(rule) for rule in RULES}}


def _index() -> str:
    lines = [HEAD]
    for severity in LintSeverity:
        rules = sorted((rule for rule in RULES if rule.severity is severity), key=lambda rule: rule.id)
        lines += [f"## {severity.capitalize()}s", "", "| rule | finds |", "|---|---|"]
        lines += [f"| [{rule.id}]({rule.id}.md) | {rule.title} |" for rule in rules]
        lines.append("")
    return "\n".join(lines)


def _page(rule: Rule) -> str:
    rows = "\n".join(
        f"| {one.source} | {one.where} | {one.core} | {one.date} | {one.says} |" for one in rule.evidence
    )
    return f"""\
# {rule.id}

**{rule.severity.capitalize()}**: {rule.title}.

{rule.why}

- **Remedy**: {rule.remedy}.
- **ST Edge AI Core**: {rule.versions}.

| known from | where | Core | date | seen |
|---|---|---|---|---|
{rows}

To allow it in one release: `suppress = {{ {rule.id} = "reason" }}` in the table `[lint]` of the variant file.
[All rules](README.md)
"""


def main() -> None:
    """Write the pages, and remove those of rules that no longer exist."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = pages()
    for path in FOLDER.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
