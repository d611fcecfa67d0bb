"""Adds a species to a trained model, or takes one away, in seconds. The other species stay as they are.

``add`` fits one more column of the last layer to recordings of the species and to recordings of other sounds.
It says how well the species is told from these, judged by recordings that each judging column was not fitted
to. ``remove`` deletes a column. The weights of all other classes are copied bit by bit. The model is written
with its configuration, its labels and the list of the recordings that it learned from. Quantize it again
afterwards, with convert.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from birdnet_stm32.audio.annotations.species_names import species_names
from birdnet_stm32.audio.index.learned_from import with_start
from birdnet_stm32.audio.splits import recording_split
from birdnet_stm32.commands.shared.messages import print_message
from birdnet_stm32.commands.shared.model_files import contract_of, learned_beside
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.commands.shared.recording_option import add_channel_option
from birdnet_stm32.commands.shared.species_recordings import SpeciesWindows, read_windows
from birdnet_stm32.commands.shared.teacher_options import teachers_beside
from birdnet_stm32.commands.shared.trained_model import model_file_names, write_trained_model
from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.frontend.labels import check_names
from birdnet_stm32.progress import track
from birdnet_stm32.terminal_text import counted, printable

if TYPE_CHECKING:
    from birdnet_stm32.model.start.species import Heard

EXAMPLE = """birdnet-stm32 species add --checkpoint_path model.keras --name "Strix aluco_Tawny Owl" \\
    --recordings data/owl --others data/train --output model_with_owl.keras
  birdnet-stm32 species remove --checkpoint_path model.keras --name "Strix aluco" --output fewer.keras"""

MOST_WINDOWS = 8  # of one recording
MOST_RECORDINGS = 100  # of the species
MOST_OTHERS = 300  # recordings without it: with 4 windows each, their embeddings take some 20 s


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("action", choices=("add", "remove"), help="what to do with the species")
    parser.add_argument("--checkpoint_path", type=Path, required=True, metavar="FILE", help="*.keras")
    parser.add_argument(
        "--model_config",
        type=Path,
        metavar="FILE",
        help="*_model_config.json; default: beside the checkpoint",
    )
    parser.add_argument(
        "--name", required=True, metavar="NAME", help="the species: 'Scientific name_Common name'"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the *.keras to write")
    parser.add_argument(
        "--recordings", type=Path, metavar="DIR", help="add: recordings of the species, of any sample rate"
    )
    parser.add_argument(
        "--others",
        type=Path,
        metavar="DIR",
        help="add: recordings without the species: those of the model's training, and sounds of its place. "
        "A folder in it with the name of the species is left out",
    )
    add_channel_option(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what is expected of the species")


def run(options: argparse.Namespace) -> None:
    """Change the classes of a model."""
    output = options.output
    if output.suffix != ".keras":
        raise InputError(f"the model to write is {output.name}", expected="a name that ends in .keras")
    contract = contract_of(options.checkpoint_path, options.model_config)
    learned, teachers = learned_beside(options.checkpoint_path), teachers_beside(options.checkpoint_path)
    writer = writer_of(options)
    writer.check_model(output, model_file_names(output))
    writer.check(options.json)
    if options.action == "remove":
        _refuse_options_of_add(options)
        changed, fewer, label = _remove(options, contract)
        write_trained_model(changed, fewer, output, writer, learned, teachers)
        print_message(f"{output}: {counted(len(fewer.labels), 'class')}, without {label}")
        return
    _require_folders(options)
    check_names((options.name,), what="name", where="--name")
    added = _add(options, contract)
    use = dict.fromkeys(added.digests, recording_split.TRAIN)
    both = with_start(use, learned)
    write_trained_model(added.model, added.contract, output, writer, both, teachers)
    writer.write_json(options.json, added.expectation)
    text = _sentence(options.name, added.expectation)
    print_message(f"{output}: {counted(len(added.contract.labels), 'class')}. {text}", options.json)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Added:
    """A model with a new species, what it learned from, and what is expected of it."""

    model: Any
    contract: ModelContract
    digests: tuple[str, ...]
    expectation: Mapping[str, Any]


def _refuse_options_of_add(options: argparse.Namespace) -> None:
    for option in ("recordings", "others", "json"):
        if getattr(options, option) is not None:
            raise InputError(f"--{option} is given to remove a species", remedy=f"leave out --{option}")


def _require_folders(options: argparse.Namespace) -> None:
    if options.recordings is None:
        raise InputError("there are no recordings of the species", remedy="--recordings DIR")
    if options.others is None:
        raise InputError(
            "there are no recordings without the species, and the model does not keep those that it learned "
            "from: nothing would say what the species does not sound like",
            expected="recordings of the model's other species and of background",
            remedy="--others DIR: the folder of its training is best",
        )


def _remove(options: argparse.Namespace, contract: ModelContract) -> tuple[Any, ModelContract, str]:
    # TensorFlow takes seconds to load. --help and wrong options do not need it.
    from birdnet_stm32.model.checkpoints import checkpoint
    from birdnet_stm32.model.start.species import class_to_remove, remove_class

    label = class_to_remove(options.name, contract)
    model = checkpoint.load(options.checkpoint_path, contract)
    return (*remove_class(model, contract, label), label)


def _add(options: argparse.Namespace, contract: ModelContract) -> _Added:
    from birdnet_stm32.model.checkpoints import checkpoint  # TensorFlow, as above
    from birdnet_stm32.model.start.species import add_class, fit_species, require_new

    require_new(options.name, contract)
    own = species_names((options.name,))
    shape, channel = contract.frontend.window_shape, options.channel
    species = read_windows(
        options.recordings,
        shape,
        option="--recordings",
        channel=channel,
        per_recording=MOST_WINDOWS,
        most_recordings=MOST_RECORDINGS,
    )
    others = read_windows(
        options.others,
        shape,
        option="--others",
        channel=channel,
        per_recording=MOST_WINDOWS // 2,
        most_recordings=MOST_OTHERS,
        skip=lambda label: own.label_of(label) is not None,
        known=frozenset(species.digests),
    )
    model = checkpoint.load(options.checkpoint_path, contract)
    heard = _examples(model, contract, species, others)
    changed, more = add_class(model, contract, options.name, *fit_species(heard))
    return _Added(
        model=changed,
        contract=more,
        digests=(*species.digests, *others.digests),
        expectation=_expectation(heard, len(species.digests), len(others.digests)),
    )


def _examples(model: Any, contract: ModelContract, species: SpeciesWindows, others: SpeciesWindows) -> Heard:
    from birdnet_stm32.model.start.embeddings import embed
    from birdnet_stm32.model.start.species import Heard

    pcm = np.concatenate([species.pcm, others.pcm])
    with track("embeddings") as report:
        found = embed(model, pcm, contract.frontend, report=report)
    return Heard(
        embeddings=found,
        heard=np.arange(len(pcm)) < len(species.pcm),
        recordings=np.concatenate([species.recordings, others.recordings + len(species.digests)]),
    )


def _expectation(heard: Heard, own: int, others: int) -> Mapping[str, Any]:
    """Return how well recordings are judged by columns that were not fitted to them."""
    from sklearn.metrics import average_precision_score

    from birdnet_stm32.model.start.species import score_apart

    counts = {"recordings": own, "others": others}
    logits = score_apart(heard)
    if logits is None:
        return {**counts, "average_precision": None, "recall": None, "false_alarms": None}
    loudest = np.full(own + others, -np.inf, np.float32)
    np.maximum.at(loudest, heard.recordings, logits)
    is_own = np.arange(own + others) < own
    return {
        **counts,
        "average_precision": round(float(average_precision_score(is_own, loudest)), 4),
        "recall": round(float((loudest[is_own] >= 0).mean()), 4),
        "false_alarms": round(float((loudest[~is_own] >= 0).mean()), 4),
    }


def _sentence(name: str, found: Mapping[str, Any]) -> str:
    if found["recall"] is None:
        return (
            f"Nobody knows how well it hears {printable(name, longest=80)}: that takes at least two "
            "recordings of the species and two of others"
        )
    return (
        f"Of recordings that it was not fitted to, it hears {printable(name, longest=80)} at 0.5 in "
        f"{100 * found['recall']:.0f}% of {found['recordings']}, and wrongly in "
        f"{100 * found['false_alarms']:.1f}% of {counted(found['others'], 'other')}; "
        f"average precision {found['average_precision']:.2f}"
    )
