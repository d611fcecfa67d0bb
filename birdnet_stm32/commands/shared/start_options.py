"""The options of a training that starts from a trained model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from birdnet_stm32.commands.shared.model_files import contract_of
from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import ModelContract

_OF_EPOCHS = ("epochs", "batch_size", "learning_rate")


def add_start(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--start",
        type=Path,
        metavar="FILE",
        help="*.keras to start from; its front end and network stay, the classes are those of the folders",
    )
    parser.add_argument(
        "--start_config",
        type=Path,
        metavar="FILE",
        help="*_model_config.json of --start; default: beside it",
    )
    parser.add_argument(
        "--linear_probe",
        action="store_true",
        help="with --start: fit the last layer alone, by logistic regression, which takes seconds",
    )
    parser.add_argument(
        "--learn",
        choices=("head", "last_stages", "all"),
        help="with --start: what may change, after a linear probe; default: all",
    )


def start_keys(options: argparse.Namespace) -> dict[str, Any]:
    """Return the keys of ``[train]`` that the options mean.

    Raises:
        InputError: an option has no meaning beside the others.
    """
    if options.start is None:
        for option in ("start_config", "linear_probe", "learn"):
            if getattr(options, option):
                raise InputError(
                    f"--{option} is given without --start",
                    remedy="name the model to start from, or leave it out",
                )
        return {}
    if options.linear_probe and options.learn not in (None, "head"):
        raise InputError(
            f"--linear_probe fits the last layer alone, and --learn is {options.learn}",
            remedy="leave out --linear_probe: training begins with one anyway, and then goes on",
        )
    learn = "head" if options.linear_probe else options.learn or "all"
    for option in _OF_EPOCHS if learn == "head" else ():
        if getattr(options, option) is not None:
            raise InputError(
                f"--{option} is given, and a linear probe is not trained in epochs",
                remedy=f"leave out --{option}, or train more: --learn last_stages",
            )
    return {"start": str(options.start), "learn": learn}


def contract_of_start(options: argparse.Namespace) -> ModelContract | None:
    """Return the configuration of the model to start from; None from scratch. Raises: InputError."""
    return None if options.start is None else contract_of(options.start, options.start_config)
