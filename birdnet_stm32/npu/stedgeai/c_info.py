"""``network_c_info.json``: the tool's own account in JSON, schema 2.0, as versions since 2.1 write it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from birdnet_stm32.errors import InputError, ToolError
from birdnet_stm32.json_file import parse_json
from birdnet_stm32.npu.stedgeai.result import Epoch, EpochKind, Pool

_KINDS: dict[str, EpochKind] = {"NODE_HW": "hardware", "NODE_SW_HW": "hybrid", "NODE_SW": "software"}
# What only holds constants or ends the network is no step, whatever mapping older versions give it.
_BOOKKEEPING = frozenset({"Param", "Return"})
MAX_C_INFO_BYTES = 256 * 2**20  # with thousands of buffers and nodes
_NO_OPERATION = "NODE_NO_X"


@dataclass(frozen=True, kw_only=True)
class CInfo:
    """What was read.

    Args:
        epochs: steps that run, in order.
        pools: physical memories.
        raw_files: name of the constants' file by the memory's name, without the network's name in front.
        cycles: sum over the epochs; None where none is estimated.
        float_bytes: activations in float32, inputs and outputs included.
        integer_bytes: activations in 8 or 16 bits.
    """

    epochs: tuple[Epoch, ...]
    pools: tuple[Pool, ...]
    raw_files: Mapping[str, str]
    cycles: int | None
    float_bytes: int
    integer_bytes: int


def read_c_info(text: str) -> CInfo:
    """Return what ``text`` says.

    Raises:
        ToolError: it is no JSON, lacks something that the adapter needs, or is of the flow without the NPU.
    """
    try:
        return _read(parse_json(text, where="network_c_info.json", max_bytes=MAX_C_INFO_BYTES))
    except InputError as error:
        raise ToolError(error.what, where=error.where, remedy="a supported version of the tool") from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise ToolError(
            f"cannot be read: {type(error).__name__} {error}",
            where="network_c_info.json",
            expected="json_schema_version 2.0 with memory_pools, buffers and a graph of epochs",
            remedy="a supported version of the tool",
        ) from error


def _read(data: dict[str, Any]) -> CInfo:
    physical = [pool for pool in data["memory_pools"] if not pool.get("subpools")]
    estimates = {one["node_id"]: one["max_cycles"] for one in data.get("power_estimates") or []}
    nodes = data["graphs"][0]["nodes"]
    epochs = tuple(epoch for node in nodes if (epoch := _epoch(node, estimates.get(node["id"]))) is not None)
    if not epochs:
        raise ToolError(
            "describes no step for the NPU",
            where="network_c_info.json",
            expected="nodes epoch_1, epoch_2, ...",
            remedy="the option --st-neural-art, and a version of the tool that knows it",
        )
    activations = [one for one in data["buffers"] if not one["is_param"]]
    floats = sum(one["size_bytes"] for one in activations if one["format"] == "STAI_FORMAT_FLOAT")
    cycles = [epoch.cycles for epoch in epochs if epoch.cycles is not None]
    return CInfo(
        epochs=epochs,
        pools=tuple(
            Pool(
                name=pool["name"],
                address=int(pool["address"]),
                size_bytes=pool["size_bytes"],
                used_bytes=pool["used_size_bytes"],
            )
            for pool in physical
        ),
        raw_files={pool["name"]: pool["fname"] for pool in physical if pool["fname"]},
        cycles=sum(cycles) if cycles else None,
        float_bytes=floats,
        integer_bytes=sum(one["size_bytes"] for one in activations) - floats,
    )


def _epoch(node: dict[str, Any], cycles: int | None) -> Epoch | None:
    number = re.fullmatch(r"epoch_(\d+)", node["name"])
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


def _kind(node: dict[str, Any]) -> str:
    """Return the kind of operator, which versions before 3.0 hide in the description."""
    return str(node["type"] if "type" in node else node["description"].removeprefix("Node kind="))
