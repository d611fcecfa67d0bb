#!/usr/bin/env python3
"""Write docs/reference/documents: the JSON Schemas of the documents that stages publish, and their list."""

from __future__ import annotations

import json
from pathlib import Path

from birdnet_stm32.audio.shards.window_table import WindowShapeDocument
from birdnet_stm32.audio.windows.window_roles import LeftOutDocument
from birdnet_stm32.codegen.head.document import HeadDocument
from birdnet_stm32.codegen.network_document import NetworkDocument
from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument
from birdnet_stm32.evaluate.thresholds_document import ThresholdsDocument
from birdnet_stm32.files.document import Document, docstring_of, document_schema
from birdnet_stm32.firmware.emulation_result import EmulateDocument
from birdnet_stm32.firmware.flash_plan import FlashPlan
from birdnet_stm32.firmware.memory_use import SizesDocument
from birdnet_stm32.firmware.model_digests import ModelsDocument
from birdnet_stm32.firmware.npu_description import NpuFirmwareDocument
from birdnet_stm32.model.teacher.teacher_document import TeacherDocument, TeachersDocument
from birdnet_stm32.model.training.history import HistoryDocument
from birdnet_stm32.model.training.speed import SpeedDocument
from birdnet_stm32.npu.analysis_document import AnalysisDocument
from birdnet_stm32.npu.stedgeai.compilation import CompilationDocument
from birdnet_stm32.npu.stedgeai.gates import GatesDocument
from birdnet_stm32.quant.sensitivity.layer_report import LayersDocument
from birdnet_stm32.quant.verify import VerifyDocument
from birdnet_stm32.selection.candidates import CandidateDocument, ConvertDocument

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference" / "documents"

# Each document with the stage that publishes it, in the order of the pipeline.
DOCUMENTS: tuple[tuple[str, type[Document]], ...] = (
    ("windows", WindowShapeDocument),
    ("representative", LeftOutDocument),
    ("teacher", TeacherDocument),
    ("train", HistoryDocument),
    ("train", TeachersDocument),
    ("train", SpeedDocument),
    ("candidate", CandidateDocument),
    ("convert", ConvertDocument),
    ("verify", VerifyDocument),
    ("thresholds", ThresholdsDocument),
    ("evaluate", EvaluateDocument),
    ("layers", LayersDocument),
    ("analyze", AnalysisDocument),
    ("codegen", NetworkDocument),
    ("codegen", HeadDocument),
    ("npu", CompilationDocument),
    ("npu", GatesDocument),
    ("firmware, compile", ModelsDocument),
    ("compile", SizesDocument),
    ("npu_firmware", NpuFirmwareDocument),
    ("emulate", EmulateDocument),
    ("image", FlashPlan),
)

HEAD = """\
# Documents

What a stage measures or decides, it publishes as JSON. Each file has a [JSON Schema](https://json-schema.org)
with a description of every key. The number at the end of its `$id`, such as `verify.json/1`, is the version:
it rises when a key is added or removed, or changes its meaning. `scripts/document_reference.py` writes this
folder from the classes that the stages write and read the files with.

`manifest.json`, `run.json` and `SHA256SUMS` are in the folder of every stage:
[how a stage runs](../../explanation/architecture.md#how-a-stage-runs).

| file | stage | content |
|---|---|---|
"""


def pages() -> dict[str, str]:
    """Return every file of the folder by its name."""
    rows = [
        _plain(f"| [`{kind.FILE}`]({_schema_name(kind)}) | {stage} | {docstring_of(kind)[0]} |\n")
        for stage, kind in DOCUMENTS
    ]
    schemas = {
        _schema_name(kind): _plain(json.dumps(document_schema(kind), indent=2)) + "\n"
        for _, kind in DOCUMENTS
    }
    return {"README.md": HEAD + "".join(rows), **schemas}


def _plain(text: str) -> str:
    """Return a text of a docstring with the quotation marks of code in Markdown."""
    return text.replace("``", "`")


def _schema_name(kind: type[Document]) -> str:
    return kind.FILE.removesuffix(".json") + ".schema.json"


def main() -> None:
    """Write the files, and remove those of documents that are gone."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = pages()
    for path in FOLDER.iterdir():
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
