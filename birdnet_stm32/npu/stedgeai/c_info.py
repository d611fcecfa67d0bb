"""Read ``network_c_info.json``: ST's description of a compiled network, schema 2.0, since version 2.1.

For a part of the schedule that the epoch controller runs, 2.x names the blob in the description of each
epoch. From 4.0 on, the blob is a node, and its epochs are the children of that node.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from birdnet_stm32.errors import InputError, ToolError
from birdnet_stm32.files.json_file import parse_json
from birdnet_stm32.npu.stedgeai.compilation import Epoch, EpochKind, MemoryPool
from birdnet_stm32.npu.stedgeai.tool import REPORT_IT

_KINDS: dict[str, EpochKind] = {
    "NODE_HW": "hardware",
    "NODE_EC": "hardware",
    "NODE_SW_HW": "hybrid",
    "NODE_SW": "software",
}
# Nodes that only hold constants or end the network are not steps, whatever mapping older versions give them.
_BOOKKEEPING = frozenset({"Param", "Return"})
WHERE = "network_c_info.json"
MAX_C_INFO_BYTES = 256 * 2**20  # with thousands of buffers and nodes
_NO_OPERATION = "NODE_NO_X"
_CONTROLLED = "NODE_EC"
_BLOB = re.compile(r"_ec_blob_\w+")
_EPOCH = re.compile(r"epoch_(\d+)")
_SPLIT = re.compile(r"\w+_subm_\d+")
_SIGNATURE = re.compile(r"0x([0-9a-f]{32})")
_STREAMED = "EDGE_INTERNAL"  # from unit to unit, not through a memory
_MEASURED = "aton_execution_time"
_NPU_CACHED = "CACHEABLE_ON"
_TOOL = "ST.EdgeAI.Core"


@dataclass(frozen=True, kw_only=True)
class CInfo:
    """The content of the file.

    Args:
        epochs: steps that run, in order.
        pools: physical memories.
        raw_files: maps the name of a memory to the file of its constants, without the prefix of the network.
        cycles: sum over the epochs; None if there is no estimate.
        float_bytes: activations in float32, inputs and outputs included.
        integer_bytes: activations in 8 or 16 bits.
        blobs: maps the name of a blob of the epoch controller to the indices of its epochs, in order.
        stalling_links: names of the operators at both ends of a link where an activation unit streams into
            the data port of a convolution; None if the file has no units or links, as before 3.0.
        split_convolutions: names of the parts of convolutions that the compiler split by rows of the kernel.
        ports: names of the buffers of the inputs, then of the outputs.
        tool: version that wrote the file: ``4.0.1-20581 7ed50de05``; empty if it is not given.
        model_md5: MD5 of the model's file in hexadecimal; empty if it is not given.
    """

    epochs: tuple[Epoch, ...]
    pools: tuple[MemoryPool, ...]
    raw_files: Mapping[str, str]
    cycles: int | None
    float_bytes: int
    integer_bytes: int
    blobs: Mapping[str, tuple[int, ...]]
    stalling_links: tuple[tuple[str, str], ...] | None
    split_convolutions: tuple[str, ...]
    ports: tuple[tuple[str, ...], tuple[str, ...]]
    tool: str
    model_md5: str


def read_c_info(text: str) -> CInfo:
    """Return the content of the file.

    Raises:
        ToolError: it is not JSON, lacks something that the adapter needs, or belongs to a flow without the
            NPU.
    """
    try:
        return _read(parse_json(text, where=WHERE, max_bytes=MAX_C_INFO_BYTES))
    except InputError as error:
        raise ToolError(
            error.what, where=error.where, remedy=("compile again: the file was cut or changed", REPORT_IT)
        ) from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise ToolError(
            f"cannot be read: {type(error).__name__} {error}",
            where=WHERE,
            expected="json_schema_version 2.0 with memory_pools, buffers and a graph of epochs",
            remedy=REPORT_IT,
        ) from error


def _read(data: dict[str, Any]) -> CInfo:
    if _MEASURED in data and "memory_pools" not in data:
        raise ToolError(
            "holds measurements of validate on a board, not a network",
            where=WHERE,
            expected="the file that generate or analyze writes; validate writes another file to the same "
            "place",
            remedy="compile again, or validate in another folder",
        )
    physical = [pool for pool in data["memory_pools"] if not pool.get("subpools")]
    estimates = {one["node_id"]: _count(one["max_cycles"]) for one in data.get("power_estimates") or []}
    graph = data["graphs"][0]
    placed = [(blob, epoch) for node in graph["nodes"] for blob, epoch in _epochs(node, estimates)]
    epochs = tuple(epoch for _, epoch in placed)
    if not epochs:
        raise ToolError(
            "contains no step for the NPU",
            where=WHERE,
            expected="nodes epoch_1, epoch_2, ...",
            remedy="the option --st-neural-art, and a version of the tool that knows it",
        )
    blobs: dict[str, tuple[int, ...]] = {}
    for blob, epoch in placed:
        if blob:
            blobs[blob] = (*blobs.get(blob, ()), epoch.index)
    names = {one["id"]: _word(one["name"]) for one in data["buffers"]}
    activations = [one for one in data["buffers"] if not one["is_param"]]
    floats = sum(_count(one["size_bytes"]) for one in activations if one["format"] == "STAI_FORMAT_FLOAT")
    cycles = [epoch.cycles for epoch in epochs if epoch.cycles is not None]
    return CInfo(
        epochs=epochs,
        pools=tuple(
            MemoryPool(
                name=_word(pool["name"]),
                # A relative memory has no address before it is linked.
                address=int(pool["address"]) if pool["address"] != "" else None,
                size_bytes=_count(pool["size_bytes"]),
                used_bytes=_count(pool["used_size_bytes"]),
                npu_cached=pool.get("cacheable") == _NPU_CACHED,
            )
            for pool in physical
        ),
        raw_files={pool["name"]: _word(pool["fname"]) for pool in physical if pool["fname"]},
        cycles=sum(cycles) if cycles else None,
        float_bytes=floats,
        integer_bytes=sum(_count(one["size_bytes"]) for one in activations) - floats,
        blobs=blobs,
        stalling_links=_stalling_links(graph),
        split_convolutions=tuple(
            part["name"]
            for node in graph["nodes"]
            for part in _operators(node)
            if _kind(part) == "Conv" and _SPLIT.fullmatch(part["name"])
        ),
        ports=(tuple(names[one] for one in graph["inputs"]), tuple(names[one] for one in graph["outputs"])),
        tool=_word(_tool(data).get("version", "")),
        model_md5=_model_md5(_tool(data)),
    )


def _epochs(node: dict[str, Any], estimates: Mapping[int, int]) -> Iterator[tuple[str, Epoch]]:
    """Yield the epochs of a node of the graph, each with the name of its blob or an empty string."""
    blob = _blob(node)
    if _EPOCH.fullmatch(node["name"]):
        epoch = _epoch(node, estimates.get(node["id"]))
        if epoch is not None:
            yield blob, epoch
    elif blob:
        # The estimate under the id of the blob belongs to its first epoch, which has no estimate of its own.
        known = {node["subgraph_nodes"][0]["id"]: estimates.get(node["id"]), **estimates}
        for child in node["subgraph_nodes"]:
            epoch = _epoch(child, known.get(child["id"]))
            if epoch is not None:
                yield blob, epoch


def _blob(node: dict[str, Any]) -> str:
    """Return the name of the blob that is ``node`` or runs it; empty if the processor starts it."""
    if node["mapping"] != _CONTROLLED:
        return ""
    found = _BLOB.search(f"{node['name']} {node.get('description', '')}")
    if found is None:
        raise ValueError(f"node {node['name']} belongs to the epoch controller, but names no blob")
    return found[0]


def _epoch(node: dict[str, Any], cycles: int | None) -> Epoch | None:
    number = _EPOCH.fullmatch(node["name"])
    kinds = {_kind(part): part["mapping"] for part in node["subgraph_nodes"]}
    running = [kind for kind, mapping in kinds.items() if mapping != _NO_OPERATION]
    if number is None or node["mapping"] == _NO_OPERATION or not set(running) - _BOOKKEEPING:
        return None
    operators = (_kind(part) for part in node["subgraph_nodes"] if part["mapping"] != _NO_OPERATION)
    return Epoch(
        index=int(number[1]),
        kind=_KINDS[node["mapping"]],
        operators=tuple(operators),
        cycles=cycles,
    )


def _tool(data: dict[str, Any]) -> dict[str, Any]:
    """Return the entry of ``stedgeai`` itself. The compiler inside has another entry."""
    tools: list[dict[str, Any]] = (data.get("environment") or {}).get("tools") or []
    return next((one for one in tools if one.get("name") == _TOOL), {})


def _model_md5(tool: dict[str, Any]) -> str:
    files: list[dict[str, Any]] = (tool.get("input_model") or {}).get("model_files") or []
    found = (_SIGNATURE.fullmatch(str(one.get("signature"))) for one in files)
    signatures = [one[1] for one in found if one is not None]
    return signatures[0] if len(signatures) == 1 else ""


def _count(value: object) -> int:
    """Return ``value``, which must be an integer that is not negative."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{value!r} is not a size or count")
    return value


def _word(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _stalling_links(graph: dict[str, Any]) -> tuple[tuple[str, str], ...] | None:
    operators = {one["id"]: one for node in graph["nodes"] for one in _operators(node)}
    units = {
        number: str((one.get("attributes") or {}).get("HWUnit", "")) for number, one in operators.items()
    }
    if "edges" not in graph or not any(units.values()):
        return None
    return tuple(
        (str(operators[start]["name"]), str(operators[end]["name"]))
        for edge in graph["edges"]
        for start, end in [(edge["start"]["node_id"], edge["end"]["node_id"])]
        if edge["edge_kind"] == _STREAMED and edge["end"]["port"] == 0
        if "ACTIV" in units.get(start, "") and "CONV" in units.get(end, "")
    )


def _operators(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield all parts of ``node``, at any depth."""
    for part in node["subgraph_nodes"]:
        yield part
        yield from _operators(part)


def _kind(node: dict[str, Any]) -> str:
    """Return the kind of the operator. Versions before 3.0 have it in the description."""
    return str(node["type"] if "type" in node else node["description"].removeprefix("Node kind="))
