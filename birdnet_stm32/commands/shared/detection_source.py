"""The model of ``detect`` and its rules, from a ``.tflite`` or a variant and from options."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from birdnet_stm32.commands.shared.checked_options import checked_table, named_as_options
from birdnet_stm32.commands.shared.class_thresholds import class_thresholds
from birdnet_stm32.commands.shared.detector import check_model
from birdnet_stm32.commands.shared.model_files import contract_of
from birdnet_stm32.commands.shared.variant_option import add_build_folders, published_folder
from birdnet_stm32.config.detect_table import DetectTable
from birdnet_stm32.config.variant import FirmwareTable
from birdnet_stm32.detect.rules import Rules, make_rules
from birdnet_stm32.engine.release import load_release
from birdnet_stm32.errors import InputError
from birdnet_stm32.evaluate.thresholds_document import ThresholdsDocument
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.frontend.contract import ModelContract, read_contract
from birdnet_stm32.stages.inputs.file_names import CONFIG, MODEL

# Keys of [detect] that are options too, with their type and help. Others are for variants.
_KEYS: tuple[tuple[str, str, type, str], ...] = (
    ("need", "--need", int, "how many windows that start within --within have to reach the threshold"),
    ("within_s", "--within", float, "the time in which these windows start, in seconds"),
    ("gap_s", "--gap", float, "longest pause inside an event, in seconds"),
    ("longest_s", "--longest", float, "greatest length of an event, in seconds"),
    ("hold_off_s", "--hold-off", float, "for so many seconds after an event, no other of its species begins"),
    ("most_per_hour", "--most-per-hour", int, "greatest number of events of a species in an hour"),
)


@dataclass(frozen=True, kw_only=True)
class DetectionSource:
    """What events are detected with.

    Args:
        tflite: the int8 model.
        contract: its configuration.
        rules: when a class counts as heard.
    """

    tflite: bytes
    contract: ModelContract
    rules: Rules


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which model and which rules are used."""
    parser.add_argument("--model", type=Path, metavar="MODEL.tflite", help="the int8 model")
    parser.add_argument(
        "--model-config", type=Path, metavar="FILE", help="*_model_config.json; default: beside the model"
    )
    parser.add_argument(
        "--variant", metavar="VARIANT", help="the model of this variant, with its thresholds and rules"
    )
    add_build_folders(parser)
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="P",
        help="probability from which a window counts, for all species; default: the thresholds of the "
        f"variant, or {FirmwareTable().threshold:g}",
    )
    parser.add_argument("--thresholds", type=Path, metavar="FILE", help="a thresholds.json of the model")
    parser.add_argument(
        "--rule",
        choices=("confirm", "max", "avg", "lme"),
        help="how windows decide together; default: that of the variant, or confirm",
    )
    for key, option, kind, what in _KEYS:
        default = DetectTable.model_fields[key].default
        shown = "" if default is None else f"; default: {default:g}"
        parser.add_argument(option, dest=key, type=kind, metavar="N", help=what + shown)


def detection_source(options: argparse.Namespace) -> DetectionSource:
    """Return the model and the rules that the options name.

    Raises:
        InputError: a file is missing or wrong, or the options contradict each other or the model.
    """
    if (options.model is None) == (options.variant is None):
        found = "neither --model nor" if options.model is None else "both --model and"
        raise InputError(f"{found} --variant is given", expected="--model MODEL.tflite or --variant NAME")
    of_variant, table = None, DetectTable()
    if options.variant is not None:
        if options.model_config is not None:
            raise InputError("--model-config is given", expected="the file that belongs to --model")
        release = load_release(options.variant, options.variants, options.build)
        verified = published_folder(release, "verify")
        model, contract = verified / MODEL, read_contract(verified / CONFIG)
        of_variant = published_folder(release, "thresholds") / ThresholdsDocument.FILE
        table = release.variant.detect
    else:
        model = options.model
        contract = contract_of(model, options.model_config)
    tflite = read_bytes(model)
    check_model(tflite, contract, where=model)
    thresholds = class_thresholds(
        contract.labels, threshold=options.threshold, thresholds=options.thresholds, of_variant=of_variant
    )
    with named_as_options({"[detect]": "the options of detect"}):
        rules = make_rules(
            _with_options(table, options), contract.labels, thresholds, contract.frontend.window_shape
        )
    return DetectionSource(tflite=tflite, contract=contract, rules=rules)


def _with_options(table: DetectTable, options: argparse.Namespace) -> DetectTable:
    """Return the table with the values that options replace. Raises: InputError."""
    given: dict[str, Any] = {key: getattr(options, key) for key, *_ in _KEYS}
    given["rule"] = options.rule
    given = {key: value for key, value in given.items() if value is not None}
    if given.get("rule", "confirm") != "confirm" and "need" not in given:
        given["need"] = None  # of the variant, whose rule does not hold
    names = {key: option for key, option, *_ in _KEYS}
    return checked_table(DetectTable, options=names, **{**dict(table), **given})
