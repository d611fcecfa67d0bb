"""Hand-made files of the shape that each version of ``stedgeai`` writes; nothing in them is ST's."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from stedgeai_stand_in import BANNERS, RUNTIMES

from birdnet_stm32.tflite.ir import Graph, Tensor
from birdnet_stm32.tflite.reader import read_graph

ONNX = {
    "CONV_2D": ("Conv", "Add"),
    "DEPTHWISE_CONV_2D": ("Conv", "Add"),
    "FULLY_CONNECTED": ("Conv", "Add"),
    "MEAN": ("AveragePool",),
    "ADD": ("Add",),
    "MUL": ("Mul",),
    "LOGISTIC": ("Sigmoid",),
    "QUANTIZE": ("QuantizeLinear",),
    "DEQUANTIZE": ("DequantizeLinear",),
    "SOFTMAX": ("Softmax",),
}
SOFTWARE = ("QUANTIZE", "DEQUANTIZE", "SOFTMAX", "GATHER")
NO_STEP = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
UNITS = {"Conv": "CONV_ACC_V2 0", "Relu": "ACTIV_ACC_V2 0"}
MAPPINGS = {"HW": "NODE_HW", "Hybrid": "NODE_SW_HW", "SW": "NODE_SW"}


@dataclass(frozen=True)
class Step:
    index: int
    kind: str  # HW, Hybrid or SW
    operators: tuple[str, ...]


@dataclass(frozen=True)
class Buffer:
    name: str
    dtype: str
    shape: tuple[int, ...]
    scale: float | None
    zero_point: int | None
    channels: str = "First"
    address: int = 0x342E_0000
    user_allocated: int = 0

    @property
    def nbits(self) -> int:
        return 32 if self.dtype == "float32" else 8

    @property
    def size(self) -> int:
        return math.prod(self.shape) * self.nbits // 8


@dataclass(frozen=True)
class Made:
    """What a run makes of a model; the faults replace parts of it."""

    version: str
    command: str
    arguments: str
    pools: tuple[dict[str, Any], ...]
    steps: tuple[Step, ...]
    inputs: tuple[Buffer, ...]
    outputs: tuple[Buffer, ...]
    weights: bytes
    symbol: str
    used: dict[str, int]
    coded_flash: int | None = None
    link: str = ""
    float_bytes: int = 0
    controller: bool = False
    pieces: int = 0
    md5: str = ""

    @property
    def blobs(self) -> dict[str, list[Step]]:
        """Steps that the epoch controller runs, by its blob: each stretch without software is one."""
        found: dict[str, list[Step]] = {}
        name = ""
        for step in self.steps if self.controller else ():
            if step.kind != "HW":
                name = ""
                continue
            name = name or f"_ec_blob_{self.symbol}_{step.index}"
            found.setdefault(name, []).append(step)
        return found

    @property
    def new(self) -> bool:
        return not self.version.startswith("2.")


def make(command: str, options: dict[str, Any], version: str) -> Made:
    model = Path(options["--model"]).read_bytes()
    graph = read_graph(model, where=options["--model"])
    profile, _, file = options["--st-neural-art"].partition("@")
    chosen = json.loads(Path(file).read_text(encoding="utf-8"))["Profiles"][profile]
    pools = json.loads(Path(chosen["memory_pool"]).read_text(encoding="utf-8"))["memory"]["mempools"]
    ends = {
        "QUANTIZE": options.get("--input-data-type") == "int8",
        "DEQUANTIZE": options.get("--output-data-type") == "int8",
    }
    running = [one for one in graph.operators if one.name not in NO_STEP and not ends.get(one.name, False)]
    steps = tuple(
        Step(index, "SW" if one.name in SOFTWARE else "HW", ONNX.get(one.name, (one.name.title(),)))
        for index, one in enumerate(running, start=1)
    )
    weights = b"".join(one.data.tobytes() for one in graph.tensors if one.data is not None)
    return Made(
        version=version,
        command=command,
        arguments=" ".join([command, *(f"{name} {value}" for name, value in options.items())]),
        pools=tuple(pools),
        steps=steps,
        inputs=(buffer("Input_0_out_0", end(graph, graph.inputs[0], "QUANTIZE", ends), "First"),),
        outputs=(buffer("Quantize_9_out_0", end(graph, graph.outputs[0], "DEQUANTIZE", ends), "UNDEFINED"),),
        weights=weights,
        symbol="network" if not version.startswith("2.") else "Default",
        used={"npuRAM5": 4_096, "octoFlash": len(weights)},
        controller="--enable-epoch-controller" in chosen["options"].split(),
        md5=hashlib.md5(model, usedforsecurity=False).hexdigest(),
    )


def end(graph: Graph, index: int, conversion: str, ends: dict[str, bool]) -> Tensor:
    for one in graph.operators:
        if ends[conversion] and one.name == conversion and index in (*one.inputs, *one.outputs):
            return graph.tensors[one.outputs[0] if conversion == "QUANTIZE" else one.inputs[0]]
    return graph.tensors[index]


def buffer(name: str, tensor: Tensor, channels: str) -> Buffer:
    shape = tuple(max(size, 1) for size in tensor.shape)
    if tensor.quantization is None:
        return Buffer(name, tensor.dtype, shape, None, None, channels)
    quantization = tensor.quantization
    return Buffer(name, tensor.dtype, shape, quantization.scales[0], quantization.zero_points[0], channels)


def files(made: Made) -> dict[str, bytes]:
    """Return every generated file by name."""
    texts = {
        "network.c": network_c(made),
        "network_c_info.json": json.dumps(c_info(made), indent=2),
        f"network_{made.command}_report.txt": report(made),
        "model_OE_3_3_1.onnx": "a stand-in's intermediate graph",
        "model_OE_3_3_1_Q.json": "{}",
        "LICENSE.txt": "A stand-in wrote this folder; there is nothing of ST's in it.\n",
    }
    if made.new:
        date = "/**\n  * @file    {}\n  * @date    2026-02-03 11:06:46\n  */\n"
        texts |= {name: date.format(name) for name in ("network.h", "stai_network.h", "stai_network.c")}
    if made.blobs:
        texts["network_ecblobs.h"] = ecblobs_h(made)
    raw = {"network_atonbuf.xSPI2.raw": made.weights}
    return {name: text.encode() for name, text in texts.items()} | raw


def network_c(made: Made) -> str:
    version = RUNTIMES[made.version]
    names = ("MAJOR", "MINOR", "MICRO", "DEV")
    guard = " || ".join(f"LL_ATON_VERSION_{n} != {v}" for n, v in zip(names, version, strict=True))
    lines = ["/* AUTOGENERATED by a stand-in */", f"/*\n * Command Line options: {made.arguments}\n */"]
    lines += ['#include "ll_aton_NN_interface.h"', f"#if {guard}", "#  error mismatch", "#endif"]
    for number, pool in enumerate(made.pools):
        offset = int(pool["offset"]["value"], 0)
        if pool["name"] == "octoFlash" and made.coded_flash is not None:
            offset = made.coded_flash
        lines.append(
            f"/* index={number} file postfix={pool['fname']} name={pool['name']} offset=0x{offset:08x}  "
            "absolute_mode size=0 READ_WRITE */"
        )
    suffix = made.symbol
    lines += ['#include "network_ecblobs.h"'] if made.blobs else ec_functions(suffix)
    for name in ("Set_User_Input_Buffer", "Set_User_Output_Buffer"):
        lines.append(
            f"LL_ATON_User_IO_Result_t LL_ATON_{name}_{suffix}(uint32_t num, void* b, uint32_t s)\n{{\n}}"
        )
    for name in ("Get_User_Input_Buffer", "Get_User_Output_Buffer"):
        lines.append(f"void *LL_ATON_{name}_{suffix}(uint32_t num)\n{{\n}}")
    if made.link and not made.blobs:  # a blob does not show its links
        lines.append(made.link)
    lines.append(f"const EpochBlock_ItemTypeDef *LL_ATON_EpochBlockItems_{suffix}(void) {{")
    address = "_address" if made.new else ""
    lines += [f"      .blob_address = (uintptr_t)({name}{address})," for name in made.blobs]
    lines.append("}")
    for name, buffers in (("Input", made.inputs), ("Output", made.outputs), ("Internal", ())):
        lines.append(buffers_info(f"LL_ATON_{name}_Buffers_Info_{suffix}", buffers))
    return "\n\n".join(lines) + "\n"


def ec_functions(suffix: str) -> list[str]:
    names = ("EC_Network_Init", "EC_Inference_Init")
    return [f"bool LL_ATON_{name}_{suffix}(void)\n{{\n  return true;\n}}" for name in names]


def ecblobs_h(made: Made) -> str:
    """Return the header: programs of nothing but counting numbers, of 3.0 and later in a file to relocate."""
    lines = ["/* AUTOGENERATED by a stand-in */"]
    for name, steps in made.blobs.items():
        instructions = struct.pack(f"<{21 * len(steps)}I", *range(21 * len(steps)))
        program = struct.pack("<II", 0xCA057A7A, 21 * len(steps)) + instructions
        length, copied = "", 0
        if made.new:
            copied = -(-len(program) // 64) * 8
            program = struct.pack("<10I", 0xECBF0050, 24, 0, 0, 40, *5 * [0]) + program
            length = str(-(-len(program) // 64) * 8)
        program += bytes(-len(program) % 8)
        words = ", ".join(f"0x{word:016x}UL" for (word,) in struct.iter_unpack("<Q", program))
        lines += ["ECBLOB_CONST_SECTION", f"static const uint64_t {name}[{length}] =\n{{\n  {words}\n}};"]
        if copied:
            lines += ["ECBLOB_RUNTIME_SECTION", f"static uint64_t {name}_ptr[{copied}];"]
            lines += [f"#define {name}_address {name}_ptr"]
    return "\n\n".join([*lines, *ec_functions(made.symbol)]) + "\n"


def buffers_info(function: str, buffers: tuple[Buffer, ...]) -> str:
    arrays, entries = [], []
    for one in buffers:
        shape = "_".join(map(str, one.shape))
        listed = ", ".join(map(str, one.shape))
        arrays.append(f"  static const uint32_t buff_info__mem_shape_{shape}[] = {{ {listed} }};")
        quantized = ""
        if one.scale is not None:
            arrays.append(f"  static const float buff_info_{one.name}_quant_scale[] = {{ {one.scale!r} }};")
            arrays.append(
                f"  static const int16_t buff_info_{one.name}_quant_offset[] = {{ {one.zero_point} }};"
            )
            quantized = (
                f"      .per_channel = 0,\n      .scale = buff_info_{one.name}_quant_scale,\n"
                f"      .offset = buff_info_{one.name}_quant_offset,\n"
            )
        dtype = {"int8": "INT8", "uint8": "UINT8", "float32": "FLOAT"}[one.dtype]
        entries.append(
            f'    {{\n      .name = "{one.name}",\n'
            f"      .addr_base = {{(unsigned char *)(0x{one.address:08x}UL) /* Equivalent hex address = "
            f"0x{one.address:08x}UL */}},\n      .is_user_allocated = {one.user_allocated},\n"
            f"      .offset_start = 64,\n      .offset_end = {64 + one.size},\n      .is_param = 0,\n"
            f"      .mem_shape = buff_info__mem_shape_{shape},\n      .mem_ndims = {len(one.shape)},\n"
            f"      .chpos = CHPos_{one.channels},\n      .type = DataType_{dtype},\n"
            f"      .nbits = {one.nbits},\n"
            f"{quantized}    }},"
        )
    debug = (
        "#if LL_ATON_DBG_BUFFER_INFO_EXCLUDED == 0\n"
        '    {\n      .name = "Conv2D_1_weights",\n      .is_param = 1,\n    },\n'
        "#endif // LL_ATON_DBG_BUFFER_INFO_EXCLUDED == 0"
    )
    last = "    {\n      .name = NULL,\n    }\n  };\n\n  return buff_info;"
    opening = f"const LL_Buffer_InfoTypeDef *{function}(void)\n{{"
    table = "  static const LL_Buffer_InfoTypeDef buff_info[] = {"
    return "\n".join([opening, *arrays, table, *entries, debug, last, "}"])


def streamed(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    ends = {"start": {"node_id": one["id"], "port": 0}, "end": {"node_id": other["id"], "port": 0}}
    return {"edge_kind": "EDGE_INTERNAL", **ends}


def c_info(made: Made) -> dict[str, Any]:
    def node(number: int, name: str, mapping: str, kind: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
        kinds = {"type": kind} if made.new else {"description": f"Node kind={kind}" if kind else ""}
        return {"id": number, "name": name, "mapping": mapping, "macc": 0, "subgraph_nodes": parts, **kinds}

    idle = (
        {"first": "NODE_NO_X", "last": "NODE_NO_X"} if made.new else {"first": "NODE_HW", "last": "NODE_SW"}
    )
    nodes = [node(1, "epoch_0", idle["first"], "", [node(2, "w", idle["first"], "Param", [])])]
    owner = {step.index: name for name, steps in made.blobs.items() for step in steps}
    inside: dict[str, list[dict[str, Any]]] = {}
    estimates = []
    edges: list[dict[str, Any]] = []
    for step in made.steps:
        mapping = MAPPINGS[step.kind]
        first = 1_000 * step.index
        parts = [node(first + at, name, mapping, name, []) for at, name in enumerate(step.operators)]
        if step is made.steps[0]:
            parts += [
                node(first + 500 + at, f"Conv2D_1_subm_{at}", mapping, "Conv", [])
                for at in range(made.pieces)
            ]
        if made.new:
            for part in parts:
                part["attributes"] = {"HWUnit": UNITS.get(part["name"], "ARITH_ACC_V2 1")}
            edges += [streamed(one, other) for one, other in pairwise(parts)]
        described = node(10 + step.index, f"epoch_{step.index}", mapping, "", parts)
        name = owner.get(step.index)
        estimated = 10 + step.index
        if name and made.new:
            if name not in inside:
                inside[name] = []
                estimated = 500 + step.index
                nodes.append(node(estimated, name, "NODE_EC", "Epoch Controller Blob", inside[name]))
            inside[name].append(described)
        else:
            if name:
                described |= {"mapping": "NODE_EC", "description": f"Epoch Controller {name}"}
            nodes.append(described)
        # The first step of a blob has no estimate of its own: the blob has it.
        estimates.append({"node_id": estimated, "max_cycles": 1_000})
    parts = [node(999, "__NN__RETURN__", idle["last"], "Return", [])]
    ending = node(998, f"epoch_{len(made.steps) + 1}", idle["last"], "", parts)
    last = owner.get(made.steps[-1].index)
    (inside[last] if last and made.new else nodes).append(ending)
    formats = {"int8": "STAI_FORMAT_S8", "uint8": "STAI_FORMAT_U8", "float32": "STAI_FORMAT_FLOAT"}
    activations = [(one.name, formats[one.dtype], one.size) for one in (*made.inputs, *made.outputs)]
    activations += [("Conv2D_1_out_0", "STAI_FORMAT_U8", 2_048)]
    activations += [("Cast_out_0", "STAI_FORMAT_FLOAT", made.float_bytes)] if made.float_bytes else []
    buffers = [
        {"id": number, "name": name, "format": kind, "size_bytes": size, "is_param": False}
        for number, (name, kind, size) in enumerate(activations, start=1)
    ]
    pools = [
        {
            "id": number,
            "name": pool["name"],
            "fname": f"atonbuf.{pool['fname']}.raw",
            "address": str(int(pool["offset"]["value"], 0)),
            "size_bytes": int(pool["size"]["value"]) * 1024,
            "used_size_bytes": made.used.get(pool["name"], 0),
            "cacheable": "CACHEABLE_ON" if "cacheable" in pool["prop"] else "CACHEABLE_OFF",
            "subpools": [],
        }
        for number, pool in enumerate(made.pools, start=1)
    ]
    pools.append({**pools[0], "id": 99, "name": "npuRAM3_npuRAM4", "fname": "", "subpools": [1, 2]})
    tool = {
        "name": "ST.EdgeAI.Core",
        "version": BANNERS[made.version].split(" v")[1],
        "arguments": made.arguments,
        "input_model": {"model_files": [{"name": "model.tflite", "signature": f"0x{made.md5}"}]},
    }
    return {
        "json_schema_version": "2.0",
        "environment": {"generated_model": {"generated_time": "2026-02-03T10:06:45+0000"}, "tools": [tool]},
        "memory_footprint": {"weights": len(made.weights), "activations": 4_096},
        "memory_pools": pools,
        "buffers": buffers,
        "graphs": [
            {"name": made.symbol, "inputs": [1], "outputs": [2], "nodes": nodes, "edges": edges},
        ],
        "power_estimates": estimates,
        "ec_blobs_info": [{"name": name, "encrypted": False} for name in made.blobs],
    }


def report(made: Made) -> str:
    rule = "-" * 84
    lines = [
        BANNERS[made.version],
        "Created date          : 2026-02-03 11:06:47",
        f"Parameters : {made.arguments}",
    ]
    lines += ["", "Compilation details", rule]
    lines += [f"Compiler version: {'{}.{}.{}-{}'.format(*RUNTIMES[made.version])}", "", rule]
    lines += ["Memory usage information  (input/output buffers are included in activations)", rule]
    for pool in made.pools:
        used, start = made.used.get(pool["name"], 0), int(pool["offset"]["value"], 0)
        end = start + int(pool["size"]["value"]) * 1024
        lines.append(
            f"\t{pool['name']:<10} [0x{start:08X} - 0x{end:08X}]: {size_text(used)} / "
            f"{size_text(end - start)}  (  0.00 % used) -- weights:          0  B (  0.00 % used)  "
            f"activations: {size_text(used)}"
        )
    lines += ["---", "Total:            1.000 kB", "", "Used memory ranges", rule]
    for pool in made.pools:
        used, start = made.used.get(pool["name"], 0), int(pool["offset"]["value"], 0)
        end = start + int(pool["size"]["value"]) * 1024
        if used:
            lines.append(
                f"\t{pool['name']:<10} [0x{start:08X} - 0x{end:08X}]: 0x{start:08X}-0x{start + used:08X}"
            )
    lines += ["", "Epochs details", rule, *(new_epochs(made) if made.new else old_epochs(made)), "=" * 84]
    return "\n".join(lines) + "\n"


def size_text(size: int) -> str:
    return f"{size:>10}  B" if size < 1024 else f"{size / 1024:>10.3f} kB"


def new_epochs(made: Made) -> list[str]:
    counts = {kind: sum(step.kind == kind for step in made.steps) for kind in MAPPINGS}
    stretches = {steps[0].index: steps for steps in made.blobs.values()}
    controlled = {step.index for steps in made.blobs.values() for step in steps}
    rows = []
    for step in made.steps:
        if step.index in stretches:
            last = stretches[step.index][-1].index
            rows.append(f"| epochs  {step.index:>3} -> {last:<3} |   EC   | {'':^14} |")
        elif step.index not in controlled:
            details = " " if step.kind == "HW" else ", ".join(step.operators)
            rows.append(f"| epoch_{step.index:<3} | {step.kind:^6} | {details:^14} |")
    return [
        f"Total number of epochs                               {len(made.steps)}",
        f">> pure software (SW) epochs                         {counts['SW']}",
        f">> hybrid epochs (using both software and hardware)  {counts['Hybrid']}",
        f">> pure hardware (HW or EC) epochs                   {counts['HW']}  "
        f"(implemented in {len(made.blobs)} epoch controller blobs/meta epochs)",
        "---",
        *("+-----------+--------+----------------+", "| epoch ID  |  Type  |    Details     |"),
        *rows,
    ]


def old_epochs(made: Made) -> list[str]:
    software = sum(step.kind != "HW" for step in made.steps)
    lines = [f"Total number of epochs: {len(made.steps)} of which {software} implemented in software", "---"]
    lines.append("epoch ID   HW/SW/EC Operation (SW only)")
    controlled = {step.index for steps in made.blobs.values() for step in steps}
    for step in made.steps:
        if step.kind == "HW":
            lines.append(f"epoch {step.index:<8}{'EC' if step.index in controlled else 'HW'}    ")
        else:
            lines.append(f"epoch {step.index:<7}-SW-   ( {', '.join(step.operators):^18} )")
    return lines
