"""The schema of .tflite files: names for its numbers, and the bytes of a model that was built or edited.

:mod:`birdnet_stm32.tflite.reader` reads files; this module holds what reading and writing share.
"""

from __future__ import annotations

import re
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from birdnet_stm32.errors import InputError

FILE_IDENTIFIER = b"TFL3"


def enumeration_names(enumeration: type) -> dict[int, str]:
    """Return the name of each value of one of the schema's enumerations.

    >>> enumeration_names(schema.Padding)
    {0: 'SAME', 1: 'VALID'}
    """
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


_OPERATOR_NAMES = enumeration_names(schema.BuiltinOperator)


def name_of_code(builtin_code: int, deprecated_builtin_code: int) -> str | None:
    """Return TFLite's name of an operator, ``CONV_2D``, or None for a code of a newer schema.

    Files that are older than schema 3a store the code in the 8-bit field alone. Newer files store 127 there
    when the code does not fit. The schema's own rule covers both: the larger of the two fields counts.

    Args:
        builtin_code: ``OperatorCode.builtin_code``, 0 if the file does not have it.
        deprecated_builtin_code: ``OperatorCode.deprecated_builtin_code``, 0 if the file does not have it.

    >>> name_of_code(0, 3)
    'CONV_2D'
    """
    return _OPERATOR_NAMES.get(max(builtin_code, deprecated_builtin_code))


def operator_name(model: Any, operator: Any) -> str:
    """Return TFLite's name of an operator of a ``ModelT``: ``CONV_2D``.

    Raises:
        InputError: the code belongs to a newer schema.
    """
    code = model.operatorCodes[operator.opcodeIndex]
    name = name_of_code(code.builtinCode, code.deprecatedBuiltinCode)
    if name is None:
        raise InputError(
            f"the model has an operator of code {code.builtinCode}", expected="one that LiteRT knows"
        )
    return name


def snake_case(name: str) -> str:
    """Return the name of a field of the schema in snake case.

    >>> snake_case("dilationWFactor")
    'dilation_w_factor'
    """
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def pack_model(model: Any) -> bytes:
    """Return the bytes of the .tflite file that a ``ModelT`` describes.

    Args:
        model: what :func:`birdnet_stm32.tflite.reader.parse_model` returned, or an own ``ModelT``.
    """
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), file_identifier=FILE_IDENTIFIER)
    return bytes(builder.Output())
