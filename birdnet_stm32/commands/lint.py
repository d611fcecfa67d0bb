"""Finds in a .tflite what is known to fail, to hang or to run slowly on the NPU of the STM32N6.

The command needs none of ST's programs. It prints one line for each finding, with the rule at the end.
docs/reference/lint/RULE.md explains the rule. The exit code is 1 if an error is not suppressed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from birdnet_stm32.commands.shared.checked_options import named_as_options
from birdnet_stm32.commands.shared.messages import print_message
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.config.variant_file import load_variant
from birdnet_stm32.errors import GateError, InputError
from birdnet_stm32.files.document import document_values
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.npu.lint.catalog import RULES
from birdnet_stm32.npu.lint.check import (
    lint,
    unsuppressed,
    unused_suppressions,
)
from birdnet_stm32.npu.lint.described import describe_rule, lint_report
from birdnet_stm32.npu.lint.rule import LintSeverity
from birdnet_stm32.npu.lint.suggestion import Suggestion, suggestion_text
from birdnet_stm32.npu.lint.text import finding_line, findings_summary, rules_listing
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.reader import read_graph

EXAMPLE = "birdnet-stm32 lint model.tflite --variant variants/demo.toml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("model", type=Path, nargs="?", metavar="MODEL.tflite")
    parser.add_argument("--rules", action="store_true", help="list the rules, one on each line, and end")
    parser.add_argument(
        "--suggest",
        action="store_true",
        help="for a kernel as high as its input, suggest a replacement and prove it (takes seconds)",
    )
    parser.add_argument(
        "--variant", type=Path, metavar="FILE", help="a variant file; its [lint] suppress applies"
    )
    parser.add_argument(
        "--json",
        type=Path,
        nargs="?",
        const=Path("-"),
        metavar="FILE",
        help="write the findings or the rules to this file; without FILE to standard output",
    )


def run(options: argparse.Namespace) -> None:
    """Check one model, or list the rules."""
    if options.model is None and not options.rules:
        raise InputError("no model is named", expected="lint MODEL.tflite, or lint --rules")
    writer_of(options).check(options.json)
    if options.rules:
        print_message(rules_listing(RULES), options.json)
        writer_of(options).write_json(options.json, [document_values(describe_rule(rule)) for rule in RULES])
        return
    suppress = load_variant(options.variant).lint.suppress if options.variant else {}
    graph = read_graph(read_bytes(options.model), where=str(options.model))
    with named_as_options({"[lint] suppress": f"{options.variant}, [lint] suppress"}):
        found = lint(graph, suppress)
    for diagnosis in found:
        print_message(finding_line(diagnosis, str(options.model)), options.json)
    for name in unused_suppressions(suppress, found):
        print_message(
            f"{options.variant}: [lint] suppress {name} is not needed: the rule finds nothing", options.json
        )
    suggestions = _suggestions(graph) if options.suggest else None
    for one in suggestions or ():
        print_message(suggestion_text(one, str(options.model)), options.json)
    print_message(f"{options.model}: {findings_summary(found)}", options.json)
    report = lint_report(found, unused_suppressions(suppress, found), suggestions)
    writer_of(options).write_document(options.json, report)
    if errors := unsuppressed(found, LintSeverity.ERROR):
        rules = sorted({diagnosis.rule.id for diagnosis in errors})
        raise GateError(
            f"has errors of {', '.join(rules)}",
            where=options.model,
            remedy=tuple(f"docs/reference/lint/{name}.md" for name in rules),
        )


def _suggestions(graph: Graph) -> tuple[Suggestion, ...]:
    # TensorFlow takes seconds to import, so it is imported only for suggestions.
    from birdnet_stm32.npu.lint.suggest import suggest

    return tuple(suggest(graph))
