"""Clean the output of ``stedgeai`` from progress bars, and explain its errors."""

from __future__ import annotations

import re
from dataclasses import dataclass

_BAR = re.compile(r"PASS:\s*\d+%\|[^|]*\|\s*\d+/\d+\s*\[[^\]]*\]")
_CODED = re.compile(r"\b(E\d{3})\((\w+)\):\s*(.*)")
_LABELLED = re.compile(r"\b(INTERNAL ERROR|TOOL ERROR|NOT IMPLEMENTED):\s*(.*)")
# Lines without a label that give the reason for lines with a label.
_DETAIL = re.compile(
    r"Internal compiler error \(signo=\d+\)|Oauto did not find valid compile options"
    r"|total bytes left unallocated|RAM Size too low|Not enough memory on device"
    r"|wstring_convert::from_bytes|Cannot convert character sequence"
    r"|quantized unsigned integer format is not supported|Failed to build a valid graph.*"
    r"|not implemented shape len for Conversion|lower_arith_set_in_batch conf_CONV_IN_ACTIVATION"
)
_QUANTIZATION_DROPPED = re.compile(r"Ignore Quantization JSON file.*")

_TOO_BIG = "a smaller model or window, or [npu] hyperram = true, which is slower and needs the external RAM"
# The first pattern that matches a line gives the remedy.
_REMEDIES = (
    (
        r"Ignore Quantization JSON file",
        "the network would run in float: take the operators on booleans out of the model "
        "(EQUAL, LOGICAL_*, CAST to bool)",
    ),
    (r"Unrecognized keyword arguments", "hand over the .tflite: this tool cannot read that .keras"),
    (r"Unable to bind the ST.AI runtime", "load the board with ST's NPU_Validation and this network"),
    (r"Invalid firmware", "close what else uses the port, load ST's NPU_Validation, start the board again"),
    (
        r"wstring_convert|Cannot convert character|signo=22",
        "a folder for temporary files whose path is ASCII",
    ),
    (r"bytes left unallocated|RAM Size too low|Oauto did not find|Not enough memory on device", _TOO_BIG),
    (r"signo=11", "look for tensors of more than 4 dimensions, and for PADV2 without a value"),
    (r"unsigned integer format", "quantize activations to int8, not uint8"),
    (
        r"Error in computation of shapes",
        "give the input two dimensions or more, and slices literal bounds without masks",
    ),
    # The tool cannot read the model at all. An index out of range in the same log is only a consequence.
    (
        r"\bE010\(",
        "the tool cannot read this model: hand over an int8 .tflite, as birdnet-stm32 convert writes it; "
        "where it is one, look at the layer that the message names",
    ),
    (r"list index out of range", "make the bias of every FULLY_CONNECTED a constant"),
    (
        r"Mismatch in channel position",
        "choose the input's layout so that no TRANSPOSE of an activation is left",
    ),
    (r"missing shape or size", "replace PAD by padding in the convolution"),
    (r"shape len for Conversion", "give all inputs of every CONCATENATION the same type and scale"),
    (r"conf_CONV_IN_ACTIVATION", "replace the grouped convolution on 1x1 by FULLY_CONNECTED"),
    (r"NOT IMPLEMENTED", "replace that operator, see birdnet-stm32 lint"),
)
_LINT = "birdnet-stm32 lint names the operators that this tool is known to refuse; the log has the rest"


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """An error in a log.

    Args:
        what: one sentence, with ST's error code if there is one.
        remedy: what helped others, or where to look.
    """

    what: str
    remedy: str


def clean_log(raw: str) -> str:
    """Return a log without progress bars, carriage returns and blanks at the ends of lines."""
    lines = raw.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept = []
    for line in lines:
        text = _BAR.sub("", line)
        if text == line or text.strip():
            kept.append(text.strip() if text != line else line.rstrip())
    return "\n".join(kept)


def find_trouble(log: str) -> Trouble | None:
    """Return the error in a cleaned log, whatever the exit status was, or None.

    A message without a label counts, too: the tool continues after some messages that make the result
    useless.
    """
    lines = log.splitlines()
    dropped = next((found[0] for line in lines if (found := _QUANTIZATION_DROPPED.search(line))), None)
    coded = next((found for line in lines if (found := _CODED.search(line))), None)
    labelled = next((found for line in lines if (found := _LABELLED.search(line))), None)
    details = list(dict.fromkeys(found[0].strip() for line in lines if (found := _DETAIL.search(line))))
    if coded is not None:
        what = f"{coded[1]} ({coded[2]}): {coded[3].strip()}"
    elif dropped is not None:
        what = f"the tool dropped the quantization: {dropped.strip()}"
    elif labelled is not None:
        what = f"{labelled[1].capitalize()}: {labelled[2].strip()}"
    elif details:
        what = details.pop(0)
    else:
        return None
    what = "; ".join([what, *(detail for detail in details if detail not in what)])
    return Trouble(what=what, remedy=_remedy(log))


def _remedy(log: str) -> str:
    return next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, log)), _LINT)
