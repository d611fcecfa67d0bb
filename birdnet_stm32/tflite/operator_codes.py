"""What an operator of a .tflite is called: the one place that knows where files say so."""

from __future__ import annotations

from ai_edge_litert import schema_py_generated as schema

_NAMES: dict[int, str] = {
    value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)
}


def operator_name(builtin_code: int, deprecated_builtin_code: int) -> str | None:
    """Return TFLite's name of an operator, ``CONV_2D``, or None for a code of a newer schema.

    Files before schema 3a have the code in the field of 8 bits alone, and newer ones whose code does not fit
    there have 127 in it: the schema's own rule is the larger of both.

    Args:
        builtin_code: ``OperatorCode.builtin_code``, 0 where the file lacks it.
        deprecated_builtin_code: ``OperatorCode.deprecated_builtin_code``, 0 where the file lacks it.
    """
    return _NAMES.get(max(builtin_code, deprecated_builtin_code))
