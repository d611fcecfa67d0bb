"""The runs of the stand-in: the good one, every error that ST's tool is documented to end with, every failure
that it does not tell of."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from outputs import Made, Step, files, make
from stedgeai_stand_in import BANNERS

# Printed with exit status 1.
ERRORS = {
    "weights": "E010(InvalidModelError): Non-numerical or not-string elements in conv parameter weights",
    "keras": "E010(InvalidModelError): Unrecognized keyword arguments passed to Dense: {'x': None}",
    "unreadable": "TOOL ERROR: list index out of range\n"
    "E010(InvalidModelError): Non-numerical or not-string elements in conv parameter weights",
    "device": "E700(DeviceError): Not enough memory on device",
    "segfault": "Internal compiler error (signo=11)\n"
    "E103(CliRuntimeError): Error calling the Neural Art compiler",
    "ascii": "  what():  wstring_convert::from_bytes\nInternal compiler error (signo=22)\n"
    "E103(CliRuntimeError): Error calling the Neural Art compiler",
    "allocation": "total bytes left unallocated: 1048576\nOauto did not find valid compile options\n"
    "E103(CliRuntimeError): Error calling the Neural Art compiler",
    "bind": 'E200(ValidationError): TARGET: Unable to bind the ST.AI runtime with "network" c-model: []\n'
    "E801(HwIOError): Invalid firmware - /dev/ttyACM0:921600",
    "shapes": "TOOL ERROR: Error in computation of shapes",
    "index": "TOOL ERROR: list index out of range",
    "channel": "INTERNAL ERROR: Mismatch in channel position",
    "entry": "INTERNAL ERROR: Overwriting Entry 0 of table",
    "none": "INTERNAL ERROR: 'NoneType' object is not subscriptable",
    "unsigned": "INTERNAL ERROR: quantized unsigned integer format is not supported",
    "pad": "Failed to build a valid graph: missing shape or size for value=Pad_1_constant_value",
    "concat": "not implemented shape len for Conversion",
    "grouped": "lower_arith_set_in_batch conf_CONV_IN_ACTIVATION",
    "layers": "NOT IMPLEMENTED: Unsupported layer types: NonMaxSuppression",
    "slice": "NOT IMPLEMENTED: Slice on batch dimension",
    "unlabelled": "something else went wrong",
}


def spill(made: Made) -> Made:
    return replace(made, used={**made.used, "hyperRAM": 65_536})


def software(made: Made) -> Made:
    first, *rest = made.steps
    inserted = [Step(first.index + 1, "SW", ("Gather",)), Step(first.index + 2, "Hybrid", ("Cast",))]
    later = [Step(one.index + 2, one.kind, one.operators) for one in rest]
    return replace(made, steps=(first, *inserted, *later))


def all_float(made: Made) -> Made:
    return replace(
        made, weights=made.weights * 4, float_bytes=100_000, used={"octoFlash": 4 * len(made.weights)}
    )


def permuted(made: Made) -> Made:
    return replace(made, inputs=tuple(replace(one, shape=one.shape[::-1]) for one in made.inputs))


def rescaled(made: Made) -> Made:
    return replace(made, inputs=tuple(replace(one, scale=0.5) for one in made.inputs))


def moved(made: Made, **place: int) -> Made:
    return replace(made, inputs=tuple(replace(one, **place) for one in made.inputs))


def linked(made: Made) -> Made:
    link = (
        "{ LL_Switch_Init_Dest() = ATONN_DSTPORT(STRSWITCH, 0, CONVACC, 1, 0), "
        "LL_Switch_Init_Source(0) = ATONN_SRCPORT(STRSWITCH, 0, ACTIV, 0, 0), },"
    )
    first, *rest = made.steps
    return replace(made, link=link, steps=(replace(first, operators=("Relu", "Conv")), *rest))


# The run ends well and the result is not what was wanted.
RESULTS: dict[str, Callable[[Made], Made]] = {
    "hyperram-spill": spill,
    "software-epochs": software,
    "float-network": all_float,
    "permuted-input": permuted,
    "rescaled-input": rescaled,
    "stalling-link": linked,
    "other-symbol": lambda made: replace(made, symbol="other"),
    "other-address": lambda made: replace(made, coded_flash=0x7100_0000),
    "split-convolution": lambda made: replace(made, pieces=8),
    "input-in-external-ram": lambda made: moved(made, address=0x9000_0000),
    "input-elsewhere": lambda made: moved(made, address=0x3000_0000),
    "input-of-the-application": lambda made: moved(made, user_allocated=1),
    "no-blobs": lambda made: replace(made, controller=False),
    "blobs": lambda made: replace(made, controller=True),
    "another-model": lambda made: replace(made, md5=32 * "a"),
    "loader-overlap": lambda made: replace(made, used={**made.used, "cpuRAM2": 0x9_0000}),
}
# How a run ends or what it leaves out.
ENDINGS = (
    *("nothing-written", "dropped-quantization", "c-info-and-status-1", "broken-c-info", "no-weights"),
    *(
        "hang",
        "child-survives",
        "progress-bar",
        "windows-line-ends",
        "disagreeing-report",
        "internal-weights",
    ),
)
FAULTS = ("", *ERRORS, *RESULTS, *ENDINGS)


def run(command: str, options: dict[str, Any], version: str, fault: str) -> int:
    """Print and write what a run with ``fault`` does, and return its exit status."""
    if fault not in FAULTS:
        raise SystemExit(f"the stand-in knows no fault {fault!r}")
    print(BANNERS[version], flush=True)
    print(" >>>> EXECUTING NEURAL ART COMPILER\n   atonn -i model\n <<<< DONE EXECUTING NEURAL ART COMPILER")
    if fault in ERRORS:
        print(ERRORS[fault])
        return 1
    if fault == "nothing-written":
        return 0
    if fault == "hang":
        sys.stdout.flush()
        subprocess.run(["sleep", "600"], check=False)
    if fault == "child-survives":
        print(f"child {subprocess.Popen(['sleep', '600']).pid}")
    made = RESULTS.get(fault, lambda made: made)(make(command, options, version))
    if fault == "dropped-quantization":
        print("Ignore Quantization JSON file; unsupported version ''")
    if command == "validate":
        return validate()
    for name, content in contents(made, fault).items():
        (Path(options["--output"]) / name).write_bytes(content)
    talk(made, Path(options["--output"]), fault, quiet="--quiet" in options)
    return 1 if fault == "c-info-and-status-1" else 0


def contents(made: Made, fault: str) -> dict[str, bytes]:
    """Return the files of a run with ``fault``, by name."""
    written = files(made)
    name = f"network_{made.command}_report.txt"
    if fault == "broken-c-info":
        written["network_c_info.json"] = written["network_c_info.json"][:-200]
    if fault == "no-weights":
        written["network_atonbuf.xSPI2.raw"] = b""
    if fault == "internal-weights":
        written["network_atonbuf.AXISRAM5.raw"] = bytes(64)
    if fault == "disagreeing-report":
        written[name] = files(software(made))[name]
    if fault == "windows-line-ends":
        binary = (".raw",)
        return {
            path: content if path.endswith(binary) else content.replace(b"\n", b"\r\n")
            for path, content in written.items()
        }
    return written


def talk(made: Made, output: Path, fault: str, *, quiet: bool) -> None:
    bar = "PASS:  98%|#########8| 102/104 [02:10<00:08,  4.46s/it]"
    lines = ["", " Exec/report summary (generate)", f" Generated files ({len(files(made)) - 2})"]
    lines += [str(output / name) for name in files(made)]
    lines += ["", f"Creating txt report file {output / 'network_generate_report.txt'}"]
    lines += [f"elapsed time ({made.command.upper()}): 0.307s"]
    if fault == "progress-bar" or not quiet:
        text = "".join(f"\r{bar}\r{' ' * len(bar)}\r{line}\n" for line in lines)
    else:
        text = "\n".join(lines) + "\n"
    end = "\r\n" if fault == "windows-line-ends" else "\n"
    sys.stdout.write(text.replace("\n", end))
    sys.stdout.flush()


def validate() -> int:
    rule = " " + "-" * 100
    print(f" Evaluation report (summary)\n{rule}")
    print(
        " Output       acc       rmse      mae       l2r       mean      std       nse       cos       tensor"
    )
    print(rule)
    row = " X-cross #1   90.00%    0.086786  0.012000  0.100000  -0.001000  0.080000  0.865483  0.962875  "
    print(row + "'nl_69', 10 x int8(1x5), m_id=[69]")
    return 0
