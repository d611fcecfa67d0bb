"""Says what the networks of variants cost, before anything is trained.

An untrained network is quantized over noise and run on an emulated board: it has the instructions and the
memory of a trained one. The recipe is ptq; inner_subranges makes a larger network. The front end comes on top
(docs/explanation/runtime.md). The emulator counts instructions, not cycles. --with adds a row for each
variant, with other keys of [model].
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from birdnet_stm32.boards import folders
from birdnet_stm32.boards.description import Board
from birdnet_stm32.commands.shared import variant_option
from birdnet_stm32.commands.shared.checked_options import add_board, checked_table, positive_integer
from birdnet_stm32.commands.shared.messages import print_message
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.config.text_types import SPELLINGS
from birdnet_stm32.config.variant import EmulateTable, ModelTable, Variant
from birdnet_stm32.engine.release import load_release
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.toml_file import parse_toml
from birdnet_stm32.files.value_errors import first_problem
from birdnet_stm32.firmware.model_sizes import (
    ModelSizes,
    fit_boards,
    fit_lines,
    measure_sizes,
    sizes_table,
)
from birdnet_stm32.progress import track
from birdnet_stm32.spelling import did_you_mean
from birdnet_stm32.stages.inputs.float_model import contract_to_train
from birdnet_stm32.stages.inputs.project import firmware_settings
from birdnet_stm32.terminal_text import counted
from birdnet_stm32.tflite.reader import read_graph

EXAMPLE = """birdnet-stm32 sizes demo --classes 20
  birdnet-stm32 sizes demo --with 'alpha = 1.0' --with 'alpha = 1.5, depthwise_kernels = [3, 5, 5, 5]'
  birdnet-stm32 sizes demo --firmware --json sizes.json"""

DEFAULT_CLASSES = 10


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A network to measure.

    Args:
        name: the variant and what was changed.
        variant: the variant with the changes.
    """

    name: str
    variant: Variant


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("variant", nargs="+", metavar="VARIANT", help="name of a variant")
    variant_option.add_build_folders(parser)
    parser.add_argument(
        "--with",
        dest="changes",
        action="append",
        default=[],
        metavar="KEYS",
        help="also measure each variant with these keys of [model], as in 'alpha = 1.0, spec_width = 384'; "
        "may be given several times",
    )
    parser.add_argument(
        "--classes",
        type=positive_integer,
        default=DEFAULT_CLASSES,
        metavar="N",
        help=f"number of classes, which the recordings decide later; default: {DEFAULT_CLASSES}",
    )
    parser.add_argument(
        "--firmware",
        action="store_true",
        help="also build the firmware of the variant's boards, and say whether it fits their memories",
    )
    add_board(parser, "that QEMU emulates")
    parser.add_argument("--timeout", type=float, default=EmulateTable().timeout_s, metavar="SECONDS")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the numbers to this file; - for standard output"
    )


def run(options: argparse.Namespace) -> None:
    """Measure every variant, and every variant with every change."""
    timeout_s = checked_table(
        EmulateTable, options={"timeout_s": "--timeout"}, timeout_s=options.timeout
    ).timeout_s
    writer = writer_of(options)
    writer.check(options.json)
    board = folders.select("emulator", options.board)
    candidates = list(_candidates(options))
    rows: list[ModelSizes] = []
    with tempfile.TemporaryDirectory(prefix="birdnet-") as folder, track("networks") as report:
        for candidate in candidates:
            rows.append(_measure(candidate, board, options, timeout_s, Path(folder)))
            report(len(rows), len(candidates))
    writer.write_document(options.json, {"board": board.name, "classes": options.classes, "networks": rows})
    for line in (*sizes_table(rows), *(line for row in rows for line in fit_lines(row))):
        print_message(line, options.json)
    print_message(
        f"{counted(options.classes, 'class')}; instructions of {board.name}, without the front end; "
        "untrained networks, recipe ptq",
        options.json,
    )


def _measure(
    candidate: Candidate, board: Board, options: argparse.Namespace, timeout_s: float, work: Path
) -> ModelSizes:
    from birdnet_stm32.codegen.self_test_vectors import make_test_vectors
    from birdnet_stm32.quant.untrained import untrained_model  # TensorFlow takes seconds to load

    variant = candidate.variant
    labels = tuple(f"class {number}" for number in range(options.classes))
    contract = contract_to_train(variant.model, labels)
    model = untrained_model(contract, windows=variant.codegen.test_vectors)
    graph = read_graph(model.tflite, where=candidate.name)
    found = measure_sizes(
        candidate.name,
        graph,
        contract,
        board,
        parameters=model.parameters,
        work=work / "profile",
        timeout_s=timeout_s,
    )
    if not options.firmware:
        return found
    vectors = make_test_vectors(model.noise, contract.frontend, model.tflite)
    boards, settings = variant.firmware.boards, firmware_settings(variant)
    return replace(found, boards=fit_boards(graph, contract, vectors, boards, settings, work=work))


def _candidates(options: argparse.Namespace) -> Iterator[Candidate]:
    """Return the networks to measure, in the order of the rows.

    Raises:
        InputError: a variant has a checkpoint, or a key is unknown or out of range.
    """
    for name in options.variant:
        release = load_release(name, options.variants, options.build)
        variant = release.variant
        if variant.model.checkpoint is not None:
            raise InputError(
                f"{name} takes its network from a checkpoint, and trains none",
                where=release.path,
                remedy=f"doit convert:{name}, then birdnet-stm32 profile on the .tflite",
            )
        yield Candidate(name=name, variant=variant)
        for text in options.changes:
            model = changed_model(variant.model, text)
            yield Candidate(
                name=f"{name}, {' '.join(text.split())}", variant=variant.model_copy(update={"model": model})
            )


def changed_model(model: ModelTable, text: str) -> ModelTable:
    """Return a table ``[model]`` with other keys.

    Args:
        model: the table.
        text: keys and values as in an inline table of TOML, such as ``alpha = 1.0, spec_width = 384``.

    Raises:
        InputError: the text is not TOML, or a key is unknown or out of range.

    >>> changed_model(ModelTable(), "alpha = 1.0, depthwise_kernels = [3, 5, 5, 5]").depthwise_kernels
    (3, 5, 5, 5)
    """
    where = f"--with {text!r}"
    parsed = parse_toml(f"keys = {{{text}}}", where=where)
    if len(parsed) != 1:  # a brace in the text ended the inline table
        raise InputError("holds more than keys of [model]", where=where, expected="KEY = VALUE, KEY = VALUE")
    fields: dict[str, Any] = parsed["keys"]
    kept = model.model_dump(exclude_unset=True)
    try:
        return ModelTable(**{**kept, **fields})
    except ValidationError as error:
        problem = first_problem(error, SPELLINGS)
        key = ".".join(map(str, problem.location))
        if problem.kind == "extra_forbidden":
            known = list(ModelTable.model_fields)
            raise InputError(
                f"{key} is not a key of [model]",
                where=where,
                expected="one of " + ", ".join(known),
                remedy=did_you_mean(key, known) or (),
            ) from error
        what = problem.what or f"{key} is {problem.value}"
        raise InputError(what, where=where, expected=problem.expected) from error
