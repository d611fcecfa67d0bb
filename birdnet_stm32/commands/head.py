"""Builds, checks and shows heads: the last layer of a network, which names classes, as a file of a few kB.

  head build MODEL.tflite|VARIANT --out head.bin   the head of an int8 model
  head build NEW.keras --backbone VARIANT --out head.bin
                                                   the head of a float model, quantized alone
  head check FIRMWARE head.bin                     whether a firmware takes it, and if not, why
  head show head.bin                               its classes and thresholds, and what it was made for

FIRMWARE is a VARIANT, a firmware.elf, a bundle, or a folder of generated C. It has to be built with [codegen]
split_head = true, and the model has to have its backbone: docs/how-to/update-the-head.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from birdnet_stm32.boards import folders
from birdnet_stm32.codegen.head.contents import Head
from birdnet_stm32.codegen.head.file_format import crc_of, head_bytes, read_head
from birdnet_stm32.codegen.head.fit import require_fit
from birdnet_stm32.codegen.head.make import cut_model, make_head
from birdnet_stm32.commands.shared.head_source import head_source
from birdnet_stm32.commands.shared.head_target import head_target
from birdnet_stm32.commands.shared.messages import print_message
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.commands.shared.variant_option import add_build_folders
from birdnet_stm32.config.variant import FirmwareTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.firmware.intel_hex import intel_hex
from birdnet_stm32.tflite.reader import read_graph

EXAMPLE = (
    "birdnet-stm32 head build new.tflite --for demo --out head.bin\n"
    "  birdnet-stm32 head check firmware.elf head.bin"
)
_ACTIONS = {"build": "MODEL.tflite, VARIANT or NEW.keras", "check": "FIRMWARE head.bin", "show": "head.bin"}
_OF_BUILD = (
    *("out", "target", "backbone", "model_config"),
    *("thresholds", "threshold", "head_version", "board"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("action", choices=tuple(_ACTIONS), help="what to do")
    parser.add_argument("files", nargs="*", metavar="FILE|VARIANT", help="as above")
    parser.add_argument(
        "--out", "-o", type=Path, metavar="FILE", help="build: *.bin, or *.hex with the address in the flash"
    )
    parser.add_argument(
        "--for",
        dest="target",
        metavar="FIRMWARE",
        help="build: refuse a head that this firmware does not take",
    )
    parser.add_argument(
        "--backbone",
        metavar="VARIANT",
        help="build, for a NEW.keras: the variant whose int8 backbone is kept",
    )
    parser.add_argument(
        "--model-config",
        type=Path,
        metavar="FILE",
        help="build: *_model_config.json; default: beside the model",
    )
    parser.add_argument(
        "--thresholds", type=Path, metavar="FILE", help="build: thresholds.json with one for each class"
    )
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="P",
        help=f"build: probability from which each class counts as heard; default "
        f"{FirmwareTable().threshold}, or the thresholds of the variant",
    )
    parser.add_argument(
        "--head-version",
        type=int,
        metavar="N",
        help="build: number that the firmware shows; default: one more than that of --for, else 1",
    )
    parser.add_argument("--board", metavar="NAME", help="build: the board of a *.hex")
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write what the head holds to this file; - for standard output",
    )
    add_build_folders(parser)


def run(options: argparse.Namespace) -> None:
    """Do what is asked."""
    wanted = _ACTIONS[options.action]
    if len(options.files) != (2 if options.action == "check" else 1):
        raise InputError(
            f"head {options.action} has {len(options.files)} arguments",
            expected=wanted,
            remedy=f"birdnet-stm32 head {options.action} {wanted}",
        )
    given = [name for name in _OF_BUILD if getattr(options, name) is not None]
    if options.action != "build" and given:
        raise InputError(f"--{given[0].replace('_', '-')} belongs to head build")
    if options.action == "build":
        _build(options)
        return
    writer_of(options).check(options.json)
    path = Path(options.files[-1])
    head = read_head(path)
    if options.action == "check":
        expected = head_target(options.files[0], options)
        require_fit(head, expected, where=path)
        message = f"{path} fits: {head.classes} of at most {expected.max_classes} classes"
    else:
        message = _described(path, head)
    print_message(message, options.json)
    writer_of(options).write_json(options.json, _values(head))


def _build(options: argparse.Namespace) -> None:
    if options.out is None:
        raise InputError("--out is missing", expected="--out head.bin")
    if options.out.suffix not in (".bin", ".hex"):
        raise InputError(f"the output is {options.out.name}", expected="a name that ends in .bin or .hex")
    if options.board is not None and options.out.suffix == ".bin":
        raise InputError(
            "--board is given", expected="--out with a name that ends in .hex, which has an address"
        )
    version = options.head_version
    if version is not None and not 1 <= version < 2**32:
        raise InputError(f"--head-version is {version}", expected="1 to 4294967295")
    writer = writer_of(options)
    writer.check(options.out, options.json)
    target = None if options.target is None else head_target(options.target, options)
    source = head_source(options)
    if version is None:
        version = 1 if target is None else target.version % (2**32 - 1) + 1
    model, contract = options.files[0], source.contract
    cut = cut_model(read_graph(source.tflite, where=model), contract.frontend)
    head = make_head(cut, names=contract.labels, thresholds=source.thresholds, version=version)
    if target is not None:
        require_fit(head, target, where=f"the head of {model}")
    content = head_bytes(head)
    if options.out.suffix == ".hex":
        flash = folders.select("flash", options.board).flash
        assert flash is not None  # noqa: S101 - select gives a board that has one
        writer.write(options.out, intel_hex(content, flash.head_place.address).encode("ascii"))
    else:
        writer.write(options.out, content)
    print_message(
        f"{options.out}: version {head.version}, {head.classes} classes, {len(content):,} bytes, for the "
        f"backbone {head.backbone.hex()[:16]}",
        options.json,
    )
    writer.write_json(options.json, _values(head))


def _described(path: Path, head: Head) -> str:
    content = head_bytes(head)
    outputs = "logits" if head.is_logit else "probabilities"
    width = max(len(name) for name in head.names)
    return "\n".join(
        [
            f"{path}: version {head.version}, {head.classes} classes, {len(content):,} bytes, "
            f"CRC-32 0x{crc_of(content):08x}",
            f"  for the backbone {head.backbone.hex()}",
            f"  takes {head.channels} values with the scale {head.input_scale:g} and the zero point "
            f"{head.input_zero_point}, gives {outputs}",
            *(
                f"  {name:<{width}}  threshold {threshold:g}"
                for name, threshold in zip(head.names, head.thresholds.tolist(), strict=True)
            ),
        ]
    )


def _values(head: Head) -> dict[str, Any]:
    content = head_bytes(head)
    return {
        "version": head.version,
        "bytes": len(content),
        "crc32": crc_of(content),
        "backbone": head.backbone.hex(),
        "channels": head.channels,
        "input_scale": head.input_scale,
        "input_zero_point": head.input_zero_point,
        "is_logit": head.is_logit,
        "classes": list(head.names),
        "thresholds": head.thresholds.tolist(),
    }
