"""Says how the NPU would run the verified model and what is known to go wrong there; needs no vendor tools.

Publishes ``analysis.json``. Where the compiler of the NPU is the backend, an error that the variant does not
suppress fails a gate. The portable C computes such operators like any other.
"""

from __future__ import annotations

from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.files.document import write_document
from birdnet_stm32.gates import Direction, judge, refuse_failures
from birdnet_stm32.npu.analysis_document import analysis_document
from birdnet_stm32.npu.analyze import analyze
from birdnet_stm32.npu.lint import check
from birdnet_stm32.npu.lint.rule import LintSeverity
from birdnet_stm32.npu.lint.text import finding_line, findings_summary
from birdnet_stm32.stages.inputs.file_names import MODEL
from birdnet_stm32.tflite.reader import read_graph


def run(job: Job) -> Outcome:
    """Analyze the model operator by operator, and lint it."""
    model = job.inputs["verify"] / MODEL
    graph = read_graph(model.read_bytes(), where=str(model))
    suppress = job.variant.lint.suppress
    analysis, found = analyze(graph), check.lint(graph, suppress)
    unused = check.unused_suppressions(suppress, found)
    write_document(analysis_document(analysis, found, unused), job.out)
    if job.variant.codegen.backend == "stedgeai":
        errors = check.unsuppressed(found, LintSeverity.ERROR)
        gate = judge(
            "lint_errors",
            "errors of the linter",
            len(errors),
            Direction.AT_MOST,
            0,
            detail="\n".join(finding_line(error, MODEL) for error in errors),
            remedies=(
                *sorted({f"docs/reference/lint/{error.rule.id}.md" for error in errors}),
                "a reason for each in [lint] suppress",
            ),
        )
        refuse_failures([gate], "the NPU cannot run this model", where=job.release.path)
    kinds = ", ".join(f"{count} {kind.value}" for kind, count in analysis.kinds.items() if count)
    idle = f"; [lint] suppress {', '.join(unused)}: finds nothing" if unused else ""
    return Outcome(
        summary=f"{analysis.macs / 1e6:.1f} M MAC, {analysis.ms:.1f} ms estimated on the NPU; {kinds}; "
        f"lint: {findings_summary(found)}{idle}",
        measures={"lint": check.count_findings(found)},
    )
