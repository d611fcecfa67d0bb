#!/usr/bin/env python3
"""Compare the predictions of the mapping table with the results of ST's compiler.

FOLDER holds a folder for each network: its .tflite if there is one, and output of ST's tool (the text report
or the console output, *c_info.json, or the generated .c file; the first one that exists is used). Without a
.tflite, operators are rebuilt from the table of layers in the report. The script prints Markdown.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from birdnet_stm32.errors import InputError, ToolError
from birdnet_stm32.npu.mapping_accuracy import (
    FamilyRow,
    compare_with_compiler,
    off_in_network_c,
    off_the_npu,
    total_rows,
)
from birdnet_stm32.npu.rebuilt_network import read_layers, rebuild
from birdnet_stm32.npu.stedgeai.c_info import read_c_info
from birdnet_stm32.npu.stedgeai.network_c import read_network_c
from birdnet_stm32.npu.stedgeai.text_report import read_report
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.reader import read_graph

_BANNER = "ST Edge AI Core v"
Nodes = Counter[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Network:
    """One network of the set.

    Args:
        name: name of its folder.
        source: source of its operators: ``.tflite`` or ``layers``.
        outputs: which of ST's files said where they run.
        rows: the comparison; empty if ``reason`` says why there is none.
        reason: why nothing was compared; empty if it was.
    """

    name: str
    source: str
    outputs: str
    rows: tuple[FamilyRow, ...]
    reason: str = ""


def read_set(folder: Path) -> tuple[Network, ...]:
    """Return every network below ``folder``. Raises: InputError."""
    found = sorted({path.parent for path in folder.rglob("*") if path.is_file()})
    if not found:
        raise InputError("holds no files", where=folder, expected="a folder for each network")
    return tuple(_network(one, str(one.relative_to(folder))) for one in found)


def _network(folder: Path, name: str) -> Network:
    try:
        outputs, nodes = _nodes(folder)
        source, graph = _graph(folder)
        float_boundary = _float_boundary(folder)
    except (InputError, ToolError) as error:
        return Network(name=name, source="", outputs="", rows=(), reason=f"{error.where}: {error.what}")
    return Network(
        name=name,
        source=source,
        outputs=outputs,
        rows=compare_with_compiler(graph, nodes, float_boundary=float_boundary),
    )


def _nodes(folder: Path) -> tuple[str, Nodes]:
    """Return where the compiler's steps run, from the file with the most information."""
    for path in sorted(folder.glob("*c_info.json")):
        return "c_info", off_the_npu(read_c_info(path.read_text(encoding="utf-8")).epochs)
    for path in sorted(folder.glob("*report*.txt")):
        return "report", off_the_npu(read_report(_text(path)).epochs)
    for path in sorted(folder.glob("*.c")):
        return "network.c", off_in_network_c(_text(path))
    raise InputError("holds nothing that ST's tool wrote", where=folder.name)


def _float_boundary(folder: Path) -> bool:
    """Return whether inputs or outputs of the generated code are float; True if this is unknown."""
    for path in sorted(folder.glob("*.c")):
        network = read_network_c(_text(path))
        return any(port.dtype == "float32" for port in (*network.inputs, *network.outputs))
    return True


def _graph(folder: Path) -> tuple[str, Graph]:
    models = sorted(folder.glob("*.tflite"))
    if len(models) > 1:
        raise InputError(f"holds {len(models)} .tflite", where=folder.name, expected="one")
    if models:
        return ".tflite", read_graph(models[0].read_bytes(), where=models[0].name)
    for path in sorted(folder.glob("*report*.txt")):
        return "layers", rebuild(read_layers(_text(path)))
    raise InputError("holds neither a .tflite nor a report with layers", where=folder.name)


def _text(path: Path) -> str:
    """Return a report without the console output before it."""
    text = path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")
    return text[text.find(_BANNER) :] if _BANNER in text else text


def markdown(networks: tuple[Network, ...]) -> str:
    """Return the tables: by network, then the sums by family."""
    lines = [
        "| network | operators from | steps from | family | steps | predicted off | software | hybrid "
        "| put in | agrees |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for network in networks:
        for row in network.rows:
            cells = (row.steps, row.predicted, row.software, row.hybrid, row.inserted)
            numbers = " | ".join(map(str, cells))
            agrees = "yes" if row.agrees else "**no**"
            about = f"{network.name} | {network.source} | {network.outputs}"
            lines.append(f"| {about} | {row.family} | {numbers} | {agrees} |")
    lines += ["", *_sums([row for network in networks for row in network.rows])]
    left_out = [network for network in networks if network.reason]
    if left_out:
        lines += ["", "Not compared:", ""]
        lines += [f"- {network.name}: {network.reason}" for network in left_out]
    return "\n".join(lines)


def _sums(rows: list[FamilyRow]) -> list[str]:
    """Return precision and recall of "off the NPU", for each family and for all operators."""
    lines = [
        "| family | steps | predicted off | off | found | precision | recall |",
        "|---|---|---|---|---|---|---|",
    ]
    found: Counter[str] = Counter()
    for row in rows:
        found[row.family] += row.found
    sums = total_rows(rows)
    for row in sums:
        lines.append(_sum(row.family, row.steps, row.predicted, row.off, found[row.family]))
    numbers = [sum(values) for values in zip(*((r.steps, r.predicted, r.off) for r in sums), strict=True)]
    if numbers:
        lines.append(_sum("**all**", numbers[0], numbers[1], numbers[2], sum(found.values())))
    return lines


def _sum(name: str, steps: int, predicted: int, off: int, found: int) -> str:
    precision = f"{found / predicted:.2f}" if predicted else "none predicted"
    recall = f"{found / off:.2f}" if off else "none off"
    return f"| {name} | {steps} | {predicted} | {off} | {found} | {precision} | {recall} |"


def main() -> None:
    """Read the set and print the comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    print(markdown(read_set(parser.parse_args().folder)))


if __name__ == "__main__":
    main()
