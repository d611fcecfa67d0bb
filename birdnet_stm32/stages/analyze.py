"""Says what the NPU makes of the verified model and what is known to go wrong there; needs no vendor tools.

Publishes ``analysis.json``. Where the NPU's compiler is the backend, an error that the variant does not
suppress is a missed gate; the portable C computes such operators like any other.
"""

from __future__ import annotations

from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.errors import GateError
from birdnet_stm32.files import json_file
from birdnet_stm32.npu.analyze import analyze, to_json
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
    fields = to_json(analysis) | {
        "findings": [check.finding_to_json(diagnosis) for diagnosis in found],
        "unused_suppressions": list(unused),
    }
    (job.out / "analysis.json").write_text(json_file.canonical_json(fields), encoding="utf-8")
    errors = check.unsuppressed(found, LintSeverity.ERROR)
    if errors and job.variant.codegen.backend == "stedgeai":
        raise GateError(
            "\n".join(finding_line(diagnosis, MODEL) for diagnosis in errors),
            where=job.release.path,
            expected="no errors of the linter, or a reason for each in [lint] suppress",
            remedy=tuple(sorted({f"docs/reference/lint/{one.rule.id}.md" for one in errors})),
        )
    kinds = ", ".join(f"{count} {kind.value}" for kind, count in analysis.kinds.items() if count)
    idle = f"; [lint] suppress {', '.join(unused)}: finds nothing" if unused else ""
    return Outcome(
        summary=f"{analysis.macs / 1e6:.1f} M MAC, {analysis.ms:.1f} ms estimated on the NPU; {kinds}; "
        f"lint: {findings_summary(found)}{idle}",
        measures={"lint": check.count_findings(found)},
    )
