"""Builds, checks and shows heads: the last layer of a network, which names classes, as a file of a few kB.

  head build MODEL.tflite|VARIANT --out head.bin   the head of an int8 model
  head check FIRMWARE head.bin                     whether a firmware takes it, and if not, why
  head show head.bin                               its classes and thresholds, and what it was made for

FIRMWARE is a VARIANT, a firmware.elf, a bundle, or a folder of generated C. It has to be built with [codegen]
split_head = true, and MODEL.tflite has to have its backbone: docs/how-to/update-the-head.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from birdnet_stm32.boards import folders
from birdnet_stm32.codegen.head.contents import Head
from birdnet_stm32.codegen.head.file_format import crc_of, head_bytes, read_head
from birdnet_stm32.codegen.head.fit import require_fit
from birdnet_stm32.codegen.head.make import cut_model, make_head
from birdnet_stm32.commands.shared.head_target import head_target
from birdnet_stm32.commands.shared.messages import print_message
from birdnet_stm32.commands.shared.model_files import contract_of
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.commands.shared.variant_option import add_build_folders, published_folder
from birdnet_stm32.config.variant import FirmwareTable
from birdnet_stm32.engine.release import load_release
from birdnet_stm32.errors import InputError
from birdnet_stm32.evaluate.thresholds_document import ThresholdsDocument
from birdnet_stm32.files.document import parse_document
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.firmware.intel_hex import intel_hex
from birdnet_stm32.frontend.contract import ModelContract, read_contract
from birdnet_stm32.stages.inputs.file_names import CONFIG, MODEL
from birdnet_stm32.tflite.reader import read_graph

EXAMPLE = (
    "birdnet-stm32 head build new.tflite --for demo --out head.bin\n"
    "  birdnet-stm32 head check firmware.elf head.bin"
)
_ACTIONS = {"build": "MODEL.tflite or VARIANT", "check": "FIRMWARE head.bin", "show": "head.bin"}


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
    build_only = ("out", "target", "model_config", "thresholds", "threshold", "head_version", "board")
    given = [name for name in build_only if getattr(options, name) is not None]
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
    model, contract, thresholds = _source(options)
    if version is None:
        version = 1 if target is None else target.version % (2**32 - 1) + 1
    cut = cut_model(read_graph(read_bytes(model), where=str(model)), contract.frontend)
    head = make_head(cut, names=contract.labels, thresholds=thresholds, version=version)
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


def _source(options: argparse.Namespace) -> tuple[Path, ModelContract, Sequence[float]]:
    """Return the model, its configuration and its thresholds."""
    named = options.files[0]
    chosen = options.thresholds
    if chosen is not None and options.threshold is not None:
        raise InputError("--threshold and --thresholds are given", expected="one of them")
    if named.endswith(".tflite") or Path(named).exists():
        model = Path(named)
        contract = contract_of(model, options.model_config)
    else:
        if options.model_config is not None:
            raise InputError(
                "--model-config is given", expected="the .tflite that it belongs to, not a variant"
            )
        release = load_release(named, options.variants, options.build)
        verified = published_folder(release, "verify")
        model, contract = verified / MODEL, read_contract(verified / CONFIG)
        if chosen is None and options.threshold is None:
            chosen = published_folder(release, "thresholds") / ThresholdsDocument.FILE
    if chosen is None:
        threshold = FirmwareTable().threshold if options.threshold is None else options.threshold
        return model, contract, [threshold] * len(contract.labels)
    species = parse_document(ThresholdsDocument, read_bytes(chosen), where=chosen).species
    if [one.label for one in species] != list(contract.labels):
        raise InputError(
            f"has thresholds for {len(species)} species",
            where=chosen,
            expected=f"the {len(contract.labels)} classes of the model, in their order",
        )
    return model, contract, [one.threshold for one in species]


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
