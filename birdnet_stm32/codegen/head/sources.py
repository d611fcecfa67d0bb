"""The C and the documents of a head, as a generated library and a firmware have them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from birdnet_stm32.codegen.head.contents import Head
from birdnet_stm32.codegen.head.document import HeadDocument
from birdnet_stm32.codegen.head.file_format import FORMAT, crc_of, head_bytes, name_bytes, parse_head
from birdnet_stm32.codegen.network_document import NetworkDocument
from birdnet_stm32.files.document import document_text, parse_document
from birdnet_stm32.paths import firmware_templates
from birdnet_stm32.templating import c_array, render_template

HEAD_FILE = "head.bin"
IMAGE = "birdnet_head_image.c"
_RUNTIME = ("birdnet_head.h", "birdnet_head.c")
_BYTES_A_ROW = 16


@dataclass(frozen=True, kw_only=True)
class HeadView:
    """A head as C writes it: texts are rows of an initialiser, numbers are literals.

    The fields are those of the header of ``birdnet_head.h``, and ``input_symbol`` is the place of the
    backbone's output in the arena; it is empty where only the head is written.
    """

    size_bytes: int
    section_bytes: int
    crc32: int
    version: int
    classes: int
    channels: int
    output_is_logit: int
    backbone: str
    input_scale: float
    input_zero_point: int
    dense_zero_point: int
    dense_minimum: int
    dense_maximum: int
    output_scale: float
    output_zero_point: int
    names_bytes: int
    scales: str
    bias: str
    thresholds: str
    table: str
    weights: str
    names: tuple[str, ...]
    input_symbol: str


def head_view(head: Head, section_bytes: int, input_symbol: str = "") -> HeadView:
    """Return a head as the templates print it."""
    content = head_bytes(head)
    return HeadView(
        size_bytes=len(content),
        section_bytes=section_bytes,
        crc32=crc_of(content),
        version=head.version,
        classes=head.classes,
        channels=head.channels,
        output_is_logit=int(head.is_logit),
        backbone=_hexadecimal(head.backbone),
        input_scale=head.input_scale,
        input_zero_point=head.input_zero_point,
        dense_zero_point=head.dense_zero_point,
        dense_minimum=head.dense_minimum,
        dense_maximum=head.dense_maximum,
        output_scale=head.output_scale,
        output_zero_point=head.output_zero_point,
        names_bytes=len(name_bytes(head)),
        scales="\n".join(f"        {value!r}," for value in head.scales.tolist()),
        bias=_rows(head.bias),
        thresholds=_rows(head.thresholds),
        table="" if head.table is None else _rows(head.table),
        weights=_rows(head.weights.reshape(-1)),
        names=head.names,
        input_symbol=input_symbol,
    )


def head_document(head: Head, *, section_bytes: int, max_classes: int) -> HeadDocument:
    """Describe what a network expects of its head, and the head that it is built with."""
    return HeadDocument(
        format=FORMAT,
        backbone=head.backbone.hex(),
        channels=head.channels,
        input_scale=head.input_scale,
        input_zero_point=head.input_zero_point,
        max_classes=max_classes,
        section_bytes=section_bytes,
        version=head.version,
        classes=head.classes,
        crc32=crc_of(head_bytes(head)),
    )


def runtime_files() -> dict[str, bytes]:
    """Return the C that opens and runs a head, the same for all networks."""
    folder = firmware_templates() / "head"
    return {f"runtime/{name}": (folder / name).read_bytes() for name in _RUNTIME}


def head_files(head: Head, *, section_bytes: int, max_classes: int) -> dict[str, bytes]:
    """Return the C of a head, its update file and its document, by name.

    Args:
        head: the head.
        section_bytes: size of its section.
        max_classes: classes that memory is reserved for.
    """
    described = head_document(head, section_bytes=section_bytes, max_classes=max_classes)
    context: Mapping[str, Any] = {"head": head_view(head, section_bytes)}
    return {
        IMAGE: render_template(f"network/{IMAGE}.j2", context).encode(),
        HEAD_FILE: head_bytes(head),
        HeadDocument.FILE: document_text(described).encode(),
    }


def with_thresholds(files: Mapping[str, bytes], thresholds: npt.ArrayLike) -> dict[str, bytes]:
    """Return the files of a generated library with other thresholds in its head.

    Args:
        files: of the library, which has a head of its own.
        thresholds: one for each class.

    Raises:
        InputError: there are not as many thresholds as classes, or one is out of range.
    """
    described = parse_document(HeadDocument, files[HeadDocument.FILE], where=HeadDocument.FILE)
    old = parse_head(files[HEAD_FILE], where=HEAD_FILE)
    values = {**vars(old), "thresholds": np.asarray(thresholds, np.float32)}
    made = head_files(
        Head(**values), section_bytes=described.section_bytes, max_classes=described.max_classes
    )
    network = json.loads(files[NetworkDocument.FILE])
    network["sha256"] |= {name: hashlib.sha256(content).hexdigest() for name, content in made.items()}
    return {**files, **made, NetworkDocument.FILE: (json.dumps(network, indent=2) + "\n").encode()}


def _rows(values: npt.NDArray[Any]) -> str:
    return "\n".join(f"    {row}" for row in c_array(values).split("\n"))


def _hexadecimal(content: bytes) -> str:
    rows = (content[start : start + _BYTES_A_ROW] for start in range(0, len(content), _BYTES_A_ROW))
    return "\n".join("            " + " ".join(f"0x{byte:02X}," for byte in row) for row in rows)
