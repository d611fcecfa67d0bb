"""Finds out why an int8 model misses its gate: measures what each cause costs, and says what helps.

The command converts the model about fifteen times with other calibration windows, and judges the results on
held-out windows. This takes a minute or two. Without a variant, it examines the model that convert would make
with the same options. The exit code is 1 if a gate is missed or if there is no int8 model, and 0 otherwise,
whatever is found.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from birdnet_stm32.commands.shared import checkpoint_option, variant_option
from birdnet_stm32.commands.shared.messages import print_message
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.commands.shared.recipe_option import add_recipe_option
from birdnet_stm32.errors import GateError, InputError
from birdnet_stm32.gates import failures
from birdnet_stm32.progress import track
from birdnet_stm32.quant.doctor.diagnosis import (
    Diagnosis,
    DoctorReport,
    Finding,
    Proposal,
    Severity,
    sort_results,
)
from birdnet_stm32.terminal_text import counted

if TYPE_CHECKING:
    from birdnet_stm32.commands.shared.diagnosis_inputs import DiagnosisInputs

EXAMPLE = (
    "birdnet-stm32 doctor mine\n"
    "  birdnet-stm32 doctor --checkpoint_path best_model.keras --data_path_train data/train"
)
WIDTH = 110


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options: a variant, as for ``why``, or files, as for ``convert``."""
    parser.add_argument("variant", nargs="?", metavar="VARIANT", help="the variant whose verify was refused")
    variant_option.add_build_folders(parser)
    checkpoint_option.add_checkpoint(parser, required=False)
    add_recipe_option(parser)
    parser.add_argument(
        "--json",
        type=Path,
        nargs="?",
        const=Path("-"),
        metavar="FILE",
        help="write all findings to this file; without FILE or with -: to standard output",
    )


@dataclass(frozen=True, kw_only=True)
class _Conclusion:
    """The findings, the gates that are missed, and the lines to print first."""

    found: Diagnosis
    missed: tuple[str, ...]
    head: tuple[str, ...]


def run(options: argparse.Namespace) -> None:
    """Examine a model and print the findings.

    Raises:
        GateError: the model misses its gate, or it cannot be converted.
    """
    writer_of(options).check(options.json)
    name = options.variant or str(options.checkpoint_path)
    try:
        conclusion = _examine(_diagnosis_inputs(options))
    except GateError as error:  # there is no int8 model to examine
        conclusion = _unconvertible(name, error)
    except InputError as error:
        if not isinstance(error.__cause__, GateError):
            raise
        conclusion = _unconvertible(name, error.__cause__)
    findings = conclusion.found.findings
    for line in (*conclusion.head, *_lines(conclusion.found, in_variant=options.variant is not None)):
        print_message(line, options.json)
    report = DoctorReport(missed=conclusion.missed, **vars(conclusion.found))
    writer_of(options).write_document(options.json, report)
    blocking = tuple(one.title for one in findings if one.severity is Severity.BLOCKING)
    if conclusion.missed or blocking:
        raise GateError(
            " and ".join((*conclusion.missed, *blocking)),
            where=name,
            remedy="follow the proposal under 1 first, then the others" if findings else (),
        )


def _diagnosis_inputs(options: argparse.Namespace) -> DiagnosisInputs:
    files = (options.checkpoint_path, options.data_path_train)
    if options.variant is not None and any(files):
        raise InputError(
            f"variant {options.variant} and a checkpoint are both given", expected="one of the two"
        )
    if options.variant is None and not all(files):
        raise InputError(
            "no model is named",
            expected="a variant, or --checkpoint_path and --data_path_train",
        )
    # TensorFlow takes seconds to load. --help and wrong options do not need it.
    from birdnet_stm32.commands.shared import diagnosis_inputs

    if options.variant is None:
        return diagnosis_inputs.of_options(options)
    return diagnosis_inputs.of_variant(variant_option.release_of(options))


def _unconvertible(name: str, error: GateError) -> _Conclusion:
    from birdnet_stm32.npu.doctor import not_int8

    head = (f"{name}: there is no int8 model of it",)
    return _Conclusion(found=sort_results([not_int8(error)]), missed=(), head=head)


def _examine(inputs: DiagnosisInputs) -> _Conclusion:
    from birdnet_stm32.npu import doctor as npu
    from birdnet_stm32.npu.analyze import analyze
    from birdnet_stm32.quant.doctor import network_checks, window_checks
    from birdnet_stm32.quant.doctor.examine import measure_model, validation_facts
    from birdnet_stm32.selection.scores import score
    from birdnet_stm32.tflite.reader import read_graph

    model, windows = inputs.model, inputs.windows
    with track("verify") as report:
        scores = score(
            model.source,
            model.source_contract,
            model.int8.tflite,
            model.int8.contract,
            windows.validation,
            report,
        )
    facts = validation_facts(
        scores.comparison, scores.reference, windows.validation_rows, windows.calibration_rows
    )
    calibration = inputs.calibration
    with track("conversions") as report:
        measured = measure_model(model, calibration, facts, report=report)
    graph = read_graph(model.int8.tflite, where=inputs.name)
    checks = (*network_checks.CHECKS, *window_checks.CHECKS)
    missed = tuple(gate.shortfall for gate in failures(scores.gates(inputs.limits)))
    return _Conclusion(
        found=sort_results([*(check(measured) for check in checks), *npu.examine(analyze(graph))]),
        missed=missed,
        head=(
            *(f"warning: {warning}" for warning in inputs.warnings),
            f"{inputs.name}, {model.recipe}: {' and '.join(missed) or 'passes its gates'}",
            f"The mean cosine over {counted(len(calibration.held_out), 'held-out window')} of "
            f"{counted(calibration.held_out_recordings, 'recording')} is {1 - measured.loss:.3f}"
            + (", with the sigmoid in float" if measured.output else "")
            + ". Costs below are parts of its loss, and they overlap.",
        ),
    )


def _lines(found: Diagnosis, *, in_variant: bool) -> Iterator[str]:
    for number, finding in enumerate(found.findings, start=1):
        yield ""
        cost = f", costs {finding.cost:.3f}" if finding.cost else ""
        yield f"{number}. {finding.title} ({finding.severity}{cost})"
        yield from _items(finding, in_variant=in_variant)
    for title, listed in (
        ("fine", [(one.title, "; ".join(one.evidence)) for one in found.fine]),
        ("not checked", [(one.title, one.reason) for one in found.unchecked]),
    ):
        if listed:
            yield ""
            yield f"{title}:"
            for name, text in listed:
                yield from _wrapped(f"{name}: {text}")


def _items(finding: Finding, *, in_variant: bool) -> Iterator[str]:
    for evidence in finding.evidence:
        yield from _wrapped(evidence)
    for proposal in finding.proposals:
        yield from _wrapped(proposal.text, mark="> ")
        yield from textwrap.indent(_how(proposal, in_variant=in_variant), " " * 8).splitlines()


def _how(proposal: Proposal, *, in_variant: bool) -> str:
    """Return the lines for the variant or the command line, whichever the user needs."""
    preferred, other = proposal.variant, proposal.command
    return (preferred or other) if in_variant else (other or preferred)


def _wrapped(text: str, mark: str = "- ") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=f"   {mark}", subsequent_indent=" " * 5)
