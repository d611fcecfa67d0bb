"""Mixes recordings into backgrounds: soundscapes whose calls are known, with a Raven table for each.

Calls are taken from recordings in class folders, the loudest part of each, and added to a background at a
drawn signal-to-noise ratio. The ratio is the power of a call over that of the background while it lasts, both
between the two frequencies of --band. Use recordings that no model learned from: --learned_from or --labels
leaves out the others. The same seed gives the same bytes. soundscape.json, in the same folder, lists what was
drawn.
"""

from __future__ import annotations

import argparse
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from birdnet_stm32.audio.decoding.decode import Unusable, decode
from birdnet_stm32.audio.index.learned_from import read_learned_from
from birdnet_stm32.audio.index.measurements import measure_files
from birdnet_stm32.audio.index.recording_index import CLASS_FOLDERS, list_recordings
from birdnet_stm32.audio.mixing.choose_sources import choose_sources
from birdnet_stm32.audio.mixing.labels_table import LabelsTable, read_labels_table
from birdnet_stm32.audio.mixing.mix_settings import MixedCall, MixSettings, ReadSource, Source
from birdnet_stm32.audio.mixing.mixed_sources import LIST
from birdnet_stm32.audio.mixing.raven_text import raven_text
from birdnet_stm32.audio.mixing.soundscapes import Soundscape, mix_soundscapes
from birdnet_stm32.commands.shared.messages import print_message, print_warning
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.json_file import canonical_json
from birdnet_stm32.progress import track
from birdnet_stm32.terminal_text import counted, first_names

EXAMPLE = """birdnet-stm32 soundscape --birds data/test --background data/background --out data/soundscapes
  birdnet-stm32 soundscape --birds data/train --others data/other_birds --background data/background \\
    --learned_from best_model_learned_from.tsv --minutes 5 --files 4 --snr -5 15 --out data/soundscapes"""

_BACKGROUND = "wav, flac, ogg or mp3 files, perhaps in one folder for each kind of background"
_MOST_MINUTES = 240  # of all soundscapes together: they are kept in memory until all of them are written
_RATES_HZ = (8_000, 96_000)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    settings = MixSettings()
    parser.add_argument(
        "--birds", type=Path, required=True, metavar="DIR", help="one folder for each species to find"
    )
    parser.add_argument(
        "--background",
        type=Path,
        nargs="+",
        required=True,
        metavar="DIR",
        help="background recordings, perhaps in a folder for each kind; every soundscape has one kind",
    )
    parser.add_argument(
        "--others", type=Path, metavar="DIR", help="one folder for each species that is not to be found"
    )
    parser.add_argument(
        "--others_share",
        type=float,
        default=0.33,
        metavar="SHARE",
        help="share of the calls that are of --others; default: 0.33",
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="TABLE",
        help="table with the columns file, label and split; only recordings of the split test are used",
    )
    parser.add_argument(
        "--learned_from",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="*_learned_from.tsv of a model: leave out the recordings that it learned from",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=settings.minutes,
        metavar="N",
        help=f"length of each soundscape; default: {settings.minutes:g}",
    )
    parser.add_argument(
        "--files",
        type=int,
        default=settings.files,
        metavar="N",
        help=f"number of soundscapes; default: {settings.files}",
    )
    parser.add_argument(
        "--events",
        type=float,
        default=settings.events_per_minute,
        metavar="N",
        help=f"calls a minute; default: {settings.events_per_minute:g}",
    )
    for name, unit, what in (
        ("snr", "dB", "signal-to-noise ratios"),
        ("length", "seconds", "lengths of the calls"),
        ("band", "Hz", "frequencies in which the ratio is measured"),
    ):
        low, high = _default(settings, name)
        parser.add_argument(
            f"--{name}",
            type=float,
            nargs=2,
            metavar=("LOW", "HIGH"),
            help=f"{what}, in {unit}; default: {low:g} {high:g}",
        )
    parser.add_argument(
        "--sample_rate",
        type=int,
        default=settings.sample_rate_hz,
        metavar="HZ",
        help=f"sample rate of the soundscapes; default: {settings.sample_rate_hz}",
    )
    parser.add_argument(
        "--seed", type=int, default=settings.seed, help=f"of all draws; default: {settings.seed}"
    )
    parser.add_argument("--format", choices=("flac", "wav"), default="flac", help="default: flac")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="new folder for the soundscapes"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help=f"also write {LIST} to this file")


def run(options: argparse.Namespace) -> None:
    """Mix the soundscapes and write them with their tables."""
    settings = settings_of(options)
    writer = writer_of(options)
    writer.check_folder(options.out)
    writer.check(options.json)
    learned: dict[str, str] = {}
    for path in options.learned_from:
        learned |= read_learned_from(path)
    table = None if options.labels is None else read_labels_table(options.labels)
    if table is None and not options.learned_from:
        print_warning(
            "without --labels and --learned_from, nothing is left out: recordings that a model learned from "
            "cannot measure it"
        )
    others = [] if options.others is None else [options.others]
    roots = {"--birds": [options.birds], "--others": others, "--background": options.background}
    chosen = {
        option: tuple(source for root in own for source in _sources(root, option, learned, table))
        for option, own in roots.items()
    }
    files: dict[str, bytes] = {}
    found: list[dict[str, Any]] = []
    mixed: list[Soundscape] = []
    with track("soundscapes") as report:
        for one in mix_soundscapes(
            settings,
            birds=chosen["--birds"],
            others=chosen["--others"],
            backgrounds=chosen["--background"],
            read=_reader(settings.sample_rate_hz),
        ):
            stem = f"soundscape_{one.number:02d}_{_name_of(one.kind)}"
            files[f"{stem}.{options.format}"] = _audio(one.pcm, settings.sample_rate_hz, options.format)
            files[f"{stem}.Table.1.selections.txt"] = raven_text(one.calls, settings.band_hz).encode()
            found.append(_described(one, f"{stem}.{options.format}"))
            mixed.append(replace(one, pcm=one.pcm[:0]))
            report(one.number, settings.files)
    _warn_of_quiet(mixed)
    document = {
        "command": "soundscape",
        "settings": asdict(settings),
        "soundscapes": found,
        "sources": _listed(mixed),
    }
    writer.write_folder(options.out, {**files, LIST: canonical_json(document).encode()}, last=LIST)
    writer.write_json(options.json, document)
    calls = [call for one in mixed for call in one.calls]
    print_message(_summary(settings, calls, options.out), options.json)


def settings_of(options: argparse.Namespace) -> MixSettings:
    """Return the settings that options say. Raises: InputError if one of them is out of range."""
    defaults = MixSettings()
    half_hz = options.sample_rate / 2
    band = options.band or (defaults.band_hz[0], min(defaults.band_hz[1], half_hz))
    checks = (
        ("--minutes", options.minutes, 0.05, 60),
        ("--files", options.files, 1, 99),
        ("--events", options.events, 0, 600),
        ("--others_share", options.others_share, 0, 1),
        ("--sample_rate", options.sample_rate, *_RATES_HZ),
        ("--seed", options.seed, 0, 2**32 - 1),
        *(("--snr", one, -30, 40) for one in options.snr or ()),
        *(("--length", one, 0.1, 30) for one in options.length or ()),
        *(("--band", one, 0, half_hz) for one in band),
    )
    for option, value, least, most in checks:
        if not least <= value <= most:
            raise InputError(f"{option} is {value:g}", expected=f"a number from {least:g} to {most:g}")
    for option, pair in (("--snr", options.snr), ("--length", options.length), ("--band", band)):
        if pair is not None and (pair[0] > pair[1] or (option == "--band" and pair[0] == pair[1])):
            raise InputError(f"{option} is {pair[0]:g} {pair[1]:g}", expected="the lower value first")
    if options.files * options.minutes > _MOST_MINUTES:
        raise InputError(
            f"{options.files} soundscapes of {options.minutes:g} minutes are over {_MOST_MINUTES} minutes",
            remedy="run the command several times, each time with another --seed and --out",
        )
    return MixSettings(
        files=options.files,
        minutes=options.minutes,
        events_per_minute=options.events,
        others_share=options.others_share,
        snr_db=tuple(options.snr or defaults.snr_db),
        length_s=tuple(options.length or defaults.length_s),
        band_hz=(band[0], band[1]),
        sample_rate_hz=options.sample_rate,
        seed=options.seed,
    )


def _default(settings: MixSettings, name: str) -> tuple[float, float]:
    return {"snr": settings.snr_db, "length": settings.length_s, "band": settings.band_hz}[name]


def _sources(
    root: Path, option: str, learned: Mapping[str, str], table: LabelsTable | None
) -> tuple[Source, ...]:
    """Return the recordings of a folder that may be mixed, and say how many may not."""
    files = list_recordings(root, expected=_BACKGROUND if option == "--background" else CLASS_FOLDERS)
    with track(f"recordings of {option}") as report:
        measured = measure_files(root, files, {}, report=report)
    chosen = choose_sources(
        root, measured, holds_classes=option != "--background", learned=learned, table=table
    )
    for reason, count in sorted(chosen.left_out.items()):
        print_warning(f"{root}: {counted(count, 'recording')} left out: {reason}")
    if chosen.outside_table:
        print_warning(f"{root}: --labels names no recording of this folder, so all of them are used")
    if not chosen.sources:
        raise InputError(
            "holds no recording that may be used",
            where=root,
            expected="recordings that no model learned from",
            remedy="add recordings, or leave out --learned_from and --labels if no model is to be tested",
        )
    return chosen.sources


def _reader(sample_rate_hz: int) -> ReadSource:
    @lru_cache(maxsize=64)
    def read(source: Source) -> NDArray[np.float32]:
        pcm = decode(Path(source.root) / source.path, sample_rate_hz=sample_rate_hz)
        if isinstance(pcm, Unusable):
            raise InputError(pcm.reason, where=Path(source.root) / source.path)
        return pcm.astype(np.float32) / np.float32(32_768)

    return read


def _name_of(kind: str) -> str:
    """Return a kind of background as a part of a file name."""
    return re.sub(r"[^\w-]+", "_", kind).strip("_")[:40] or "background"


def _audio(pcm: NDArray[np.int16], rate_hz: int, kind: str) -> bytes:
    content = io.BytesIO()
    soundfile.write(content, pcm, rate_hz, format=kind.upper(), subtype="PCM_16")
    return content.getvalue()


def _described(one: Soundscape, name: str) -> dict[str, Any]:
    return {
        "file": name,
        "background": [source.path for source in one.background],
        "calls": [
            {
                "start_s": call.start_s,
                "end_s": call.end_s,
                "label": call.source.label,
                "target": call.target,
                "snr_db": call.snr_db,
                "recording": call.source.path,
            }
            for call in one.calls
        ],
    }


def _listed(mixed: Sequence[Soundscape]) -> list[dict[str, str]]:
    """Return the recordings that were mixed, so that they can be credited, and left out of training."""
    used = {source for one in mixed for source in (*one.background, *(call.source for call in one.calls))}
    return [
        {"path": one.path, "label": one.label, "sha256": one.digest}
        for one in sorted(used, key=lambda one: (one.root, one.path))
    ]


def _warn_of_quiet(mixed: Sequence[Soundscape]) -> None:
    quiet = sorted({source.path for one in mixed for source in one.too_quiet})
    if quiet:
        print_warning(f"too short, or without sound in the band, so left out: {first_names(quiet)}")


def _summary(settings: MixSettings, calls: Sequence[MixedCall], out: Path) -> str:
    low, high = settings.snr_db
    count = Counter(call.target for call in calls)
    recordings = len({(call.source.root, call.source.path) for call in calls if call.target})
    species = {
        target: len({call.source.label for call in calls if call.target is target}) for target in count
    }
    lines = [
        f"{counted(settings.files, 'soundscape')} of {settings.minutes:g} min in {out}, "
        f"{low:g} to {high:g} dB above the background",
        f"  {counted(count[True], 'call')} of {species.get(True, 0)} species to find, cut from "
        f"{counted(recordings, 'recording')}",
    ]
    if count[False]:
        lines.append(f"  {counted(count[False], 'call')} of {species[False]} other species")
    return "\n".join(lines)
