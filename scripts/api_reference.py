#!/usr/bin/env python3
"""Write docs/reference/python.md from the docstrings of birdnet_stm32.api."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
from pathlib import Path
from typing import Any

from birdnet_stm32 import api

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "python.md"

EXAMPLE = """\
from pathlib import Path
from birdnet_stm32 import api

contract = api.read_contract(Path("owls_model_config.json"))
model = api.load_model(Path("owls.keras"), contract)
recording = api.read_recording(Path("owl.wav"), contract)
windows = api.cut_windows(recording, contract)
candidate = api.convert(model, contract, windows)
expected = api.predict(model, contract, windows)
measured = api.predict(candidate.tflite, candidate.contract, windows)
print(f"mean cosine {api.compare(expected, measured).all.cosine_mean:.3f}")
api.write_files(Path("c"), api.generate_c(candidate.tflite, candidate.contract))
"""

HEAD = f"""\
# Python interface

`birdnet_stm32.api` is what notebooks and scripts import. Its names and their arguments stay the same within a
major version. Everything else in the package may change.

Arrays are NumPy arrays: `Pcm` is int16, `Floats` is float32. Every error is an `InputError`, a `GateError` or
a `ToolError`. Its text says what was found, where, what was expected and what to do.

## Example

From a checkpoint and a recording to an int8 model, a comparison with the float model, and C:

```python
{EXAMPLE}```

A real calibration needs recordings of every class, see
[own recordings](../how-to/own-recordings.md).
"""

_ROLE = re.compile(r":(?:func|class|mod|data|meth|attr):`~?(?:[\w.]*\.)?(\w+)`")
_SECTIONS = {"Args:": "Arguments", "Returns:": "Returns", "Raises:": "Raises", "Yields:": "Yields"}


def _text(text: str) -> str:
    return _ROLE.sub(r"`\1`", text).replace("``", "`")


def _items(lines: list[str]) -> list[str]:
    """Return the entries of a section, each in one line."""
    entries: list[str] = []
    for line in lines:
        if line.startswith("    ") and not line.startswith("     "):
            entries.append(line.strip())
        elif line.strip():
            entries[-1] += f" {line.strip()}"
    return [re.sub(r"^(\w+): ", r"`\1`: ", entry) for entry in entries]


def docstring_markdown(docstring: str) -> str:
    """Return a docstring in Google's style as Markdown."""
    paragraphs: list[str] = []
    for block in inspect.cleandoc(docstring).split("\n\n"):
        first, *rest = block.split("\n")
        if first in _SECTIONS and first == "Returns:":
            paragraphs.append(f"**Returns** {' '.join(line.strip() for line in rest)}")
        elif first in _SECTIONS:
            listed = "\n".join(f"- {item}" for item in _items(rest))
            paragraphs.append(f"**{_SECTIONS[first]}**\n\n{listed}")
        elif first.startswith(">>>"):
            paragraphs.append(f"```python\n{block}\n```")
        else:
            paragraphs.append(block)
    return _text("\n\n".join(paragraphs))


def _signature(name: str, value: Any) -> str:
    if inspect.isfunction(value):
        text = re.sub(r"(: |-> )'([^']+)'", r"\1\2", str(inspect.signature(value)))
        short = re.sub(r"\bnpt\.NDArray\[np\.(\w+)\]", r"\1", text)
        return f"```python\n{name}{short}\n```"
    if isinstance(value, type) and issubclass(value, enum.Enum):
        return "Values: " + ", ".join(f"`{member.name}`" for member in value) + "."
    if dataclasses.is_dataclass(value):
        return f"Fields: {', '.join(f'`{field.name}`' for field in dataclasses.fields(value))}."
    return ""


def _entry(name: str) -> str:
    value = getattr(api, name)
    parts = [f"### {name}", _signature(name, value), docstring_markdown(value.__doc__ or "")]
    return "\n\n".join(part for part in parts if part) + "\n"


def markdown() -> str:
    """Return the page."""
    functions = [name for name in api.__all__ if inspect.isfunction(getattr(api, name))]
    classes = [name for name in api.__all__ if name not in functions]
    groups = [("Functions", functions), ("Classes", classes)]
    return "\n".join([HEAD, *(f"## {title}\n\n" + "\n".join(map(_entry, names)) for title, names in groups)])


def main() -> None:
    """Write the page."""
    PAGE.write_text(markdown(), encoding="utf-8")


if __name__ == "__main__":
    main()
