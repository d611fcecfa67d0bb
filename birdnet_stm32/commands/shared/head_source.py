"""The int8 model that a head is built from, with its classes and thresholds."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from birdnet_stm32.commands.shared.class_thresholds import class_thresholds
from birdnet_stm32.commands.shared.model_files import contract_of
from birdnet_stm32.commands.shared.variant_models import models_of_variant
from birdnet_stm32.commands.shared.variant_option import published_folder
from birdnet_stm32.detect.rules import with_own_thresholds
from birdnet_stm32.engine.release import load_release
from birdnet_stm32.errors import InputError
from birdnet_stm32.evaluate.thresholds_document import ThresholdsDocument
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.frontend.contract import ModelContract, read_contract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.stages.inputs.file_names import CONFIG, MODEL
from birdnet_stm32.stages.inputs.windows import load_windows

_MOST_WINDOWS = 200  # of the calibration, which the range of the logits is observed over


@dataclass(frozen=True, kw_only=True)
class HeadSource:
    """What a head is built from.

    Args:
        tflite: the int8 model.
        contract: its configuration.
        thresholds: probability from which each class counts as heard.
    """

    tflite: bytes
    contract: ModelContract
    thresholds: Sequence[float]


def head_source(options: argparse.Namespace) -> HeadSource:
    """Return what the head is built from: a ``.tflite``, a variant, or a ``.keras`` beside a variant.

    Raises:
        InputError: a file is missing or wrong, or the options contradict each other.
        GateError: the ``.keras`` has another backbone than the variant.
    """
    named, own = options.files[0], None
    if (options.backbone is not None) != named.endswith(".keras"):
        raise InputError(
            "--backbone goes with a .keras, whose last layer alone is quantized",
            expected="NEW.keras --backbone VARIANT, or a .tflite or a variant without it",
        )
    if named.endswith(".keras"):
        model = Path(named)
        contract = contract_of(model, options.model_config)
        tflite, contract = _followed(model, contract, options)
        chosen = None
    elif named.endswith(".tflite") or Path(named).exists():
        contract = contract_of(Path(named), options.model_config)
        tflite, chosen = read_bytes(Path(named)), None
    else:
        if options.model_config is not None:
            raise InputError("--model-config is given", expected="the file that it belongs to, not a variant")
        release = load_release(named, options.variants, options.build)
        verified = published_folder(release, "verify")
        tflite, contract = read_bytes(verified / MODEL), read_contract(verified / CONFIG)
        chosen = published_folder(release, "thresholds") / ThresholdsDocument.FILE
        own = release.variant.detect
    thresholds = class_thresholds(
        contract.labels, threshold=options.threshold, thresholds=options.thresholds, of_variant=chosen
    )
    if own is not None and options.threshold is None and options.thresholds is None:
        thresholds = with_own_thresholds(own, contract.labels, thresholds)  # as the firmware has them
    return HeadSource(tflite=tflite, contract=contract, thresholds=thresholds)


def _followed(
    model: Path, contract: ModelContract, options: argparse.Namespace
) -> tuple[bytes, ModelContract]:
    """Return the int8 model of a checkpoint, with the backbone of a variant, and its configuration."""
    from birdnet_stm32.model.checkpoints import checkpoint
    from birdnet_stm32.quant.float_head import follow_head

    release = load_release(options.backbone, options.variants, options.build)
    (source, int8), (config, int8_config) = models_of_variant(release)
    old_contract, int8_contract = read_contract(config), read_contract(int8_config)
    if contract.frontend != old_contract.frontend:
        raise InputError("has another front end than the variant", where=model, expected=str(source))
    windows = load_windows(published_folder(release, "representative")).calibration[:_MOST_WINDOWS]
    followed = follow_head(
        read_bytes(int8),
        checkpoint.load(source, old_contract),
        checkpoint.load(model, contract),
        features(windows, int8_contract.frontend),
    )
    # A recipe may have moved layers into the front end, so the int8 model's configuration counts.
    return followed, replace(int8_contract, labels=contract.labels)
