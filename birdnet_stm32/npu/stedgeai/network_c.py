"""Read the generated ``network.c``: symbols, runtime, memories, inputs and outputs.

This is the code that runs. If a report differs, ``network.c`` counts.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from birdnet_stm32.errors import ToolError
from birdnet_stm32.npu.stedgeai.compilation import NetworkBuffer
from birdnet_stm32.npu.stedgeai.tool import REPORT_IT

# The functions that the macro of the runtime needs. Each has the suffix that network.c chose.
FUNCTIONS = (
    *("EC_Network_Init", "EC_Inference_Init", "EpochBlockItems"),
    *("Set_User_Input_Buffer", "Get_User_Input_Buffer", "Set_User_Output_Buffer", "Get_User_Output_Buffer"),
    *("Input_Buffers_Info", "Output_Buffers_Info", "Internal_Buffers_Info"),
)
_VERSION = re.compile(
    r"LL_ATON_VERSION_MAJOR != (\d+) \|\| LL_ATON_VERSION_MINOR != (\d+) \|\| "
    r"LL_ATON_VERSION_MICRO != (\d+) \|\| LL_ATON_VERSION_DEV != (\d+)"
)
_POOL = re.compile(r"/\* index=\d+ file postfix=(\w+) name=(\w+) offset=(0x[0-9a-fA-F]+)")
_DEBUG_ONLY = re.compile(r"#if LL_ATON_DBG_BUFFER_INFO_EXCLUDED == 0\n.*?#endif[^\n]*\n", re.DOTALL)
_ARRAY = re.compile(r"static const \w+ (\w+)\[\] = \{([^}]*)\}")
_ENTRY = re.compile(r"\{\s*\.name = \"([^\"]*)\",(.*?)\n\s*\},", re.DOTALL)
_FIELD = re.compile(r"\.(\w+) = ([^,\n]+),")
_STALLING_LINK = re.compile(
    r"ATONN_DSTPORT\(STRSWITCH, \d+, CONVACC, (\d+), 0\)[^}]*?ATONN_SRCPORT\(STRSWITCH, \d+, ACTIV\w*, (\d+),"
)
_BLOB = re.compile(r"\.blob_address = \(uintptr_t\)\s*\(?(_ec_blob_\w+?)(?:_address|_ptr)?\)?,")
_ADDRESS = re.compile(r"\(unsigned char \*\)\s*\(?(0x[0-9a-fA-F]+)UL\)?")
_DTYPES = {"DataType_INT8": "int8", "DataType_UINT8": "uint8", "DataType_FLOAT": "float32"}
_CHANNELS_LAST = {"CHPos_First": False, "CHPos_Last": True}


@dataclass(frozen=True, kw_only=True)
class NetworkC:
    """The content of the file.

    Args:
        symbol: suffix of the functions.
        missing: names of :data:`FUNCTIONS` that are not defined with that suffix.
        runtime_version: required version of ``ll_aton``, which is checked when the file is compiled.
        pool_addresses: addresses by the name of the memory.
        stalling_links: pairs (activation unit, convolution unit) where an activation streams into the data
            port of a convolution.
        inputs: buffers of the inputs.
        outputs: buffers of the outputs.
        blobs: names of the epoch controller's blobs, in the order in which they are started.
    """

    symbol: str
    missing: tuple[str, ...]
    runtime_version: tuple[int, int, int, int]
    pool_addresses: dict[str, int]
    stalling_links: tuple[tuple[int, int], ...]
    inputs: tuple[NetworkBuffer, ...]
    outputs: tuple[NetworkBuffer, ...]
    blobs: tuple[str, ...]


def read_network_c(text: str, headers: str = "") -> NetworkC:
    """Return the content of a generated network.c.

    Args:
        text: text of the file.
        headers: text of the headers that were generated with it. They may define some of its functions.

    Raises:
        ToolError: the text lacks the marks that the output of every version has.
    """
    symbol = re.search(r"\bLL_ATON_EpochBlockItems_(\w+)\s*\(void\)", text)
    version = _VERSION.search(text)
    if symbol is None or version is None:
        missing = "LL_ATON_EpochBlockItems_..." if symbol is None else "the runtime's version"
        raise ToolError(
            f"does not define {missing}",
            where="network.c",
            remedy=("compile again: the file was cut or changed", REPORT_IT),
        )
    name = symbol[1]
    major, minor, micro, dev = (int(number) for number in version.groups())
    links = (found.groups() for found in _STALLING_LINK.finditer(text))
    return NetworkC(
        symbol=name,
        missing=tuple(
            function
            for function in FUNCTIONS
            if not re.search(rf"\bLL_ATON_{function}_{name}\s*\(", text + headers)
        ),
        runtime_version=(major, minor, micro, dev),
        pool_addresses={found[2]: int(found[3], 16) for found in _POOL.finditer(text)},
        stalling_links=tuple((int(activation), int(convolution)) for convolution, activation in links),
        inputs=_ports(text, f"LL_ATON_Input_Buffers_Info_{name}"),
        outputs=_ports(text, f"LL_ATON_Output_Buffers_Info_{name}"),
        blobs=tuple(_BLOB.findall(text)),
    )


def _ports(text: str, function: str) -> tuple[NetworkBuffer, ...]:
    body = re.search(rf"\*\s*{function}\s*\(void\)\s*\{{(.*?)\n\}}", text, re.DOTALL)
    if body is None:
        raise ToolError(
            f"does not define {function}",
            where="network.c",
            remedy=("compile again: the file was cut or changed", REPORT_IT),
        )
    plain = _DEBUG_ONLY.sub("", body[1])
    arrays = dict(_ARRAY.findall(plain))
    return tuple(_port(name, dict(_FIELD.findall(fields)), arrays) for name, fields in _ENTRY.findall(plain))


def _port(name: str, fields: dict[str, str], arrays: dict[str, str]) -> NetworkBuffer:
    try:
        shape = tuple(int(number) for number in arrays[fields["mem_shape"]].split(","))
        start = int(fields["offset_start"])
        size_bytes = int(fields["offset_end"]) - start
        dtype = _DTYPES[fields["type"]]
        scale = _single(arrays, fields.get("scale"))
        zero_point = _single(arrays, fields.get("offset"))
        width = int(fields["nbits"]) // 8
        channels_last = _CHANNELS_LAST.get(fields["chpos"])
        address = _address(fields, start)
    except (KeyError, ValueError) as error:
        raise ToolError(
            f"the description of buffer {name} cannot be read: {error}", where="network.c", remedy=REPORT_IT
        ) from error
    if math.prod(shape) * width != size_bytes:
        raise ToolError(
            f"buffer {name} has the shape {shape} of {width} bytes each but {size_bytes} bytes",
            where="network.c",
            remedy=REPORT_IT,
        )
    return NetworkBuffer(
        name=name,
        dtype=dtype,
        shape=shape,
        size_bytes=size_bytes,
        scale=scale,
        zero_point=None if zero_point is None else int(zero_point),
        channels_last=channels_last,
        address=address,
    )


def _address(fields: dict[str, str], start: int) -> int | None:
    """Return the address of a buffer; None if the application provides it or the linker places it."""
    base = _ADDRESS.search(fields.get("addr_base", ""))
    given = fields.get("is_user_allocated", "0") != "0"
    return None if base is None or given else int(base[1], 16) + start


def _single(arrays: dict[str, str], name: str | None) -> float | None:
    """Return the single value of the array ``name``; None if the buffer has no such array."""
    if name is None or name == "NULL":
        return None
    (value,) = arrays[name].split(",")
    return float(value)
