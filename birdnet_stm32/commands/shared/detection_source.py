"""The model of ``detect`` and its rules, from a ``.tflite`` or a variant and from options."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from datetime import timezone
from pathlib import Path
from typing import Any

from birdnet_stm32.audio.annotations.names_table import read_names
from birdnet_stm32.audio.annotations.species_names import species_names
from birdnet_stm32.audio.recorders.clock_text import zone_of
from birdnet_stm32.commands.shared.checked_options import checked_table, named_as_options
from birdnet_stm32.commands.shared.class_thresholds import class_thresholds
from birdnet_stm32.commands.shared.detector import check_model
from birdnet_stm32.commands.shared.messages import print_message, print_warning
from birdnet_stm32.commands.shared.model_files import contract_of
from birdnet_stm32.commands.shared.variant_option import add_build_folders, published_folder
from birdnet_stm32.config.detect_table import DetectTable
from birdnet_stm32.config.variant import FirmwareTable
from birdnet_stm32.detect.allowed_windows import SpeciesFilter
from birdnet_stm32.detect.rules import Rules, make_rules
from birdnet_stm32.detect.species_list import rules_with_list
from birdnet_stm32.detect.species_list_file import read_species_list
from birdnet_stm32.engine.release import load_release
from birdnet_stm32.errors import InputError
from birdnet_stm32.evaluate.thresholds_document import ThresholdsDocument
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.frontend.contract import ModelContract, read_contract
from birdnet_stm32.stages.inputs.file_names import CONFIG, MODEL
from birdnet_stm32.terminal_text import counted, first_names

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
        species_filter: which species may be reported; None for all.
    """

    tflite: bytes
    contract: ModelContract
    rules: Rules
    species_filter: SpeciesFilter | None = None


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
    parser.add_argument(
        "--species-list",
        type=Path,
        metavar="FILE",
        help="report only the species of this list, in their weeks and at their time of the day",
    )
    parser.add_argument(
        "--place",
        type=float,
        nargs=2,
        metavar=("LAT", "LON"),
        help="with --species-list: where recordings were made that do not say it, in degrees",
    )
    parser.add_argument(
        "--utc-offset",
        metavar="ZONE",
        help="with --species-list: zone of the clock of recorders that do not say it, such as UTC-3:30",
    )


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
    species_filter = _species_filter(options, contract)
    if species_filter is not None:
        rules = rules_with_list(rules, species_filter.species_list)
    return DetectionSource(tflite=tflite, contract=contract, rules=rules, species_filter=species_filter)


def _species_filter(options: argparse.Namespace, contract: ModelContract) -> SpeciesFilter | None:
    """Return what ``--species-list`` and its options say; None without it. Raises: InputError."""
    if options.species_list is None:
        for option, value in (("--place", options.place), ("--utc-offset", options.utc_offset)):
            if value is not None:
                raise InputError(f"{option} is given without --species-list", remedy=f"leave out {option}")
        return None
    names = None
    if options.names is not None:
        names = species_names(contract.labels, read_names(options.names), where=options.names)
    listed = read_species_list(options.species_list, contract.labels, names=names)
    for what, lines in (
        ("no class of the model, so never reported", listed.unknown),
        ("a device would not know", listed.only_here),
    ):
        if lines:
            shown = first_names([f"{name} (line {line})" for line, name in lines])
            print_warning(f"{options.species_list}: {what}: {shown}")
    print_message(
        f"{options.species_list}: {len(listed.species):,} of {counted(len(contract.labels), 'class')} may be "
        "reported"
    )
    place = None if options.place is None else (options.place[0], options.place[1])
    if place is not None and not (abs(place[0]) <= 90 and abs(place[1]) <= 180):
        raise InputError(
            f"--place is {place[0]:g} {place[1]:g}",
            expected="latitude from -90 to 90 and longitude from -180 to 180, in degrees",
        )
    zone = None if options.utc_offset is None else _zone(options.utc_offset)
    return SpeciesFilter(species_list=listed, place=place, zone=zone)


def _zone(text: str) -> timezone:
    # "-03:00" alone would look like an option, so a name before it is allowed.
    zone = zone_of(re.sub(r"^(UTC|GMT)", "", text.strip(), flags=re.IGNORECASE) or "Z")
    if zone is None:
        raise InputError(
            f"--utc-offset is {text[:40]!r}",
            expected="hours and minutes from UTC-14:00 to UTC+14:00, such as UTC+2",
        )
    return zone


def _with_options(table: DetectTable, options: argparse.Namespace) -> DetectTable:
    """Return the table with the values that options replace. Raises: InputError."""
    given: dict[str, Any] = {key: getattr(options, key) for key, *_ in _KEYS}
    given["rule"] = options.rule
    given = {key: value for key, value in given.items() if value is not None}
    if given.get("rule", "confirm") != "confirm" and "need" not in given:
        given["need"] = None  # of the variant, whose rule does not hold
    names = {key: option for key, option, *_ in _KEYS}
    return checked_table(DetectTable, options=names, **{**dict(table), **given})
