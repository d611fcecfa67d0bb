"""Says which species are heard in recordings, from when to when, and how sure: as tables of many formats.

Every recording below a folder is heard as the firmware hears it: the same windows, the same bits of the
network, the same rules. --output gets the tables; --formats chooses them:
{formats}
If a run is stopped, the same command goes on where it stopped. Recordings that did not change are not heard
again unless the model or a rule changed. A recording that cannot be used is named with the reason, the others
go on, and the exit code is 2 in the end.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from birdnet_stm32.audio.annotations.names_table import read_names
from birdnet_stm32.audio.annotations.species_names import Species, species_names
from birdnet_stm32.commands.shared.checked_options import positive_integer
from birdnet_stm32.commands.shared.detection_journal import JOURNAL
from birdnet_stm32.commands.shared.detection_run import detect_recordings
from birdnet_stm32.commands.shared.detection_source import add_source_options, detection_source
from birdnet_stm32.commands.shared.detection_summary import RUN, run_text, summary_lines, totals_line
from birdnet_stm32.commands.shared.detector import Detector, Kernels, compiled_library
from birdnet_stm32.commands.shared.event_embeddings import write_embeddings
from birdnet_stm32.commands.shared.event_pictures import write_clips, write_plots
from birdnet_stm32.commands.shared.found_recordings import find_recordings
from birdnet_stm32.commands.shared.messages import print_message, print_warning
from birdnet_stm32.commands.shared.outputs import Writer, writer_of
from birdnet_stm32.commands.shared.recording_option import add_channel_option
from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.detect.species_list_file import species_list_bytes
from birdnet_stm32.detect.tables.ebird import left_out_of_ebird
from birdnet_stm32.detect.tables.event_rows import TableSettings
from birdnet_stm32.detect.tables.formats import DEFAULT_FORMATS, FORMATS
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.regular_file import real_path
from birdnet_stm32.frontend.contract import Frontend, ModelContract
from birdnet_stm32.spelling import did_you_mean
from birdnet_stm32.terminal_text import counted, printable
from birdnet_stm32.tflite.embedding import EmbeddingTensor, find_embedding
from birdnet_stm32.tflite.reader import read_graph

__doc__ = (__doc__ or "").format(
    formats="\n".join(f"  {name:<13} {one.what}" for name, one in FORMATS.items())
)

EXAMPLE = """birdnet-stm32 detect recordings --model model.tflite
  birdnet-stm32 detect recordings --variant demo --formats csv,raven,parquet --output events --clips clips"""

SPECIES = "species.csv"  # the list of --species-list, as a device reads it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument(
        "recordings",
        type=Path,
        nargs="+",
        metavar="FILE|FOLDER",
        help="recordings, or folders of them at any depth",
    )
    add_source_options(parser)
    add_channel_option(parser)
    parser.add_argument(
        "--names",
        type=Path,
        metavar="TABLE",
        help="table of species names, for their codes in the tables and in --species-list",
    )
    parser.add_argument(
        "--formats",
        type=_formats,
        default=DEFAULT_FORMATS,
        metavar="LIST",
        help=f"formats of the tables, with commas, or all; default: {','.join(DEFAULT_FORMATS)}",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        help="folder for the tables; default: NAME_events, where NAME is that of the first FILE or FOLDER",
    )
    parser.add_argument("--clips", type=Path, metavar="FOLDER", help="cut every event to a WAV file")
    for side, default in (("before", 0.0), ("after", 0.0)):
        parser.add_argument(
            f"--clip-{side}",
            type=_margin,
            default=default,
            metavar="SECONDS",
            help=f"with --clips: so much more {side} the event; default: {default:g}",
        )
    parser.add_argument(
        "--plot", type=Path, metavar="FOLDER", help="draw every recording that has events, with its events"
    )
    parser.add_argument(
        "--embeddings",
        type=Path,
        metavar="FILE.parquet",
        help="write what the last layer is fed for each event, for clustering or a classifier of your own",
    )
    parser.add_argument(
        "--workers",
        type=positive_integer,
        metavar="N",
        help="number of processes; default: one for each core",
    )
    parser.add_argument(
        "--kernels",
        type=Kernels,
        choices=list(Kernels),
        help="what computes the network, always to the same bits; default: compiled if there is a C compiler",
    )


def run(options: argparse.Namespace) -> None:
    """Detect events and write them."""
    writer = writer_of(options)
    output = options.output or Path(f"{_name_of(options.recordings[0])}_events")
    folders = [folder for folder in (output, options.clips, options.plot) if folder is not None]
    for folder in folders:
        writer.check_folder(folder)
    if len({real_path(folder) for folder in folders}) < len(folders):
        raise InputError("--output, --clips and --plot name the same folder", expected="a folder for each")
    writer.check(options.embeddings)
    source = detection_source(options)
    embedding = find_embedding(read_graph(source.tflite, where="the model")) if options.embeddings else None
    settings = table_settings(source.contract, options.names)
    found = find_recordings(options.recordings, outside=[] if options.clips is None else [options.clips])
    detector = Detector(
        tflite=source.tflite,
        contract=source.contract,
        rules=source.rules,
        species_filter=source.species_filter,
        channel=options.channel,
        library=compiled_library(source.tflite, options.kernels, print_warning),
    )
    print_message(f"an event: {source.rules.sentence}")
    writer.register_logs(output, JOURNAL)
    recordings, refused = detect_recordings(detector, found, output / JOURNAL, workers=options.workers)
    files: dict[str, bytes] = {}
    if source.species_filter is not None:
        files[SPECIES] = species_list_bytes(source.species_filter.species_list)
    for name in options.formats:
        files.update(FORMATS[name].files(recordings, settings))
    files[RUN] = run_text(detector, recordings, refused).encode()
    writer.write_folder(output, files, last=RUN)
    if "ebird" in options.formats and (undated := left_out_of_ebird(recordings)):
        print_warning(f"{counted(undated, 'recording')} without a date: not in the draft for eBird")
    _write_more(writer, options, recordings, detector, embedding, settings)
    for path, reason in sorted(refused.items()):
        print_warning(f"left out {printable(path)}: {reason}")
    print_message("\n".join([*summary_lines(recordings), totals_line(recordings), f"tables: {output}"]))
    if refused:
        raise InputError(
            f"{counted(len(refused), 'recording')} of {len(found):,} could not be used; they are named above",
            remedy="repair or remove them and run the same again: the others are not heard again",
        )


def _write_more(
    writer: Writer,
    options: argparse.Namespace,
    recordings: Sequence[DetectedRecording],
    detector: Detector,
    embedding: EmbeddingTensor | None,
    settings: TableSettings,
) -> None:
    """Write what was asked for beside the tables: clips, embeddings, pictures."""
    if options.clips is not None:
        write_clips(
            writer,
            options.clips,
            recordings,
            before_s=options.clip_before,
            after_s=options.clip_after,
            channel=options.channel,
        )
    if embedding is not None:
        write_embeddings(writer, options.embeddings, recordings, detector, embedding, settings)
    if options.plot is not None:
        write_plots(writer, options.plot, recordings, channel=options.channel)


def table_settings(contract: ModelContract, names: Path | None) -> TableSettings:
    """Return what tables say of the model and its species. Raises: InputError if ``names`` is wrong."""
    spec = contract.frontend
    species: Mapping[str, Species] = {}
    if names is not None:
        table = read_names(names)
        known = species_names(contract.labels, table, where=names)
        species = {}
        for one in table:
            label = known.label_of_any(filter(None, (one.label, one.scientific_name, one.common_name)))
            if label is not None:
                species.setdefault(label, one)
    return TableSettings(
        lowest_hz=0.0 if spec.kind is Frontend.RAW else spec.fmin_hz,
        highest_hz=spec.fmax_hz,
        species=species,
    )


def _name_of(path: Path) -> str:
    """Return the name of a file without its extension, or of a folder, even of ``.``."""
    name = path.resolve().name if path.name in ("", "..") else path.name
    return (Path(name).stem if path.is_file() else name) or "recordings"


def _formats(text: str) -> tuple[str, ...]:
    if text == "all":
        return tuple(FORMATS)
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in FORMATS:
            meant = did_you_mean(name, FORMATS)
            wrong = f"there is no format {printable(name, longest=40)!r}"
            raise argparse.ArgumentTypeError(f"{wrong}; {meant or 'there are ' + ', '.join(FORMATS)}")
    return names


def _margin(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number of seconds") from None
    if not 0 <= seconds <= 60:
        raise argparse.ArgumentTypeError(f"{text[:40]} is not from 0 to 60 seconds")
    return seconds
