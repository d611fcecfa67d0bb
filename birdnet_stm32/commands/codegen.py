"""Generates C11 from an int8 .tflite: no heap, no recursion, one arena, equal to the reference kernels.

If there is a model configuration, the C also contains the audio front end. DIR becomes a complete library:
read DIR/README.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from birdnet_stm32.codegen.emit import HeadSplit, generate_c
from birdnet_stm32.codegen.lowering import check_supported
from birdnet_stm32.codegen.network_document import NetworkDocument
from birdnet_stm32.commands.shared.messages import print_message, print_warning
from birdnet_stm32.commands.shared.model_files import (
    file_beside,
    labels_beside,
    labels_to_show,
)
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.document import parse_document
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.frontend.config_names import CONFIG_SUFFIXES
from birdnet_stm32.frontend.contract import ModelContract, read_contract
from birdnet_stm32.frontend.labels import LabelOrder, read_labels
from birdnet_stm32.terminal_text import counted
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.reader import read_graph

EXAMPLE = "birdnet-stm32 codegen model.tflite --model-config model_config.json --out generated"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("model", type=Path, metavar="MODEL.tflite")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for the C: a new one, or one that this command wrote",
    )
    parser.add_argument(
        "--model-config", type=Path, metavar="FILE", help="*_model_config.json; default: beside the model"
    )
    parser.add_argument(
        "--labels", type=Path, metavar="FILE", help="one name on each line; default: beside the model"
    )
    parser.add_argument(
        "--label-order",
        choices=[one.value for one in LabelOrder],
        help="which file has the order of the outputs, if both have the same names in different orders",
    )
    parser.add_argument(
        "--split-head",
        action="store_true",
        help="the last layer is a head in a section of its own, which `birdnet-stm32 head` replaces",
    )
    parser.add_argument(
        "--head-classes",
        type=int,
        metavar="N",
        help="with --split-head: classes to reserve memory for; default: those of the model and 16 more",
    )
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write the content of network.json to this file; - for standard output",
    )


def run(options: argparse.Namespace) -> None:
    """Generate the C library."""
    writer = writer_of(options)
    writer.check_folder(options.out)
    writer.check(options.json)
    if options.head_classes is not None and not options.split_head:
        raise InputError("--head-classes is given", expected="--split-head with it")
    graph = read_graph(read_bytes(options.model), where=str(options.model), whole=False)
    check_supported(graph)
    config = options.model_config or file_beside(options.model, *CONFIG_SUFFIXES)
    contract = read_contract(config) if config else None
    labels = _labels(options, graph, contract)
    split = HeadSplit(max_classes=options.head_classes) if options.split_head else None
    files = generate_c(graph, labels=labels, contract=contract, split=split)
    writer.write_folder(options.out, files, last="network.json")
    network = parse_document(NetworkDocument, files["network.json"], where=options.out)
    writer.write_document(options.json, network)
    print_message(
        f"{options.out}: {counted(len(files), 'file')}, {network.constant_bytes:,} bytes of weights and "
        f"tables, arena of {network.arena.size_bytes:,} bytes",
        options.json,
    )


def _labels(options: argparse.Namespace, graph: Graph, contract: ModelContract | None) -> tuple[str, ...]:
    """Return the names of the outputs.

    Raises:
        InputError: the label file and the configuration contradict each other or the network.
    """
    path, order = options.labels or labels_beside(options.model), options.label_order
    if order is not None and (path is None or contract is None):
        raise InputError(
            "--label-order is given, and there are no label file and configuration to put in order",
            remedy="leave it out",
        )
    if path is not None and contract is not None:
        return labels_to_show(path, contract, order=None if order is None else LabelOrder(order))
    if contract is not None:
        return contract.labels
    numbered = _numbered(graph)
    if path is None:
        print_warning(f"no label file beside {options.model}: outputs are called output_0 and so on")
        return numbered
    labels = read_labels(path)
    if len(labels) != len(numbered):
        raise InputError(
            f"holds {counted(len(labels), 'label')}", where=path, expected=f"{len(numbered)}, one an output"
        )
    return labels


def _numbered(graph: Graph) -> tuple[str, ...]:
    shape = graph.tensors[graph.outputs[0]].shape
    return tuple(f"output_{number}" for number in range(shape[-1] if shape else 1))
