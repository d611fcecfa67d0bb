"""Text, JSON and TOML damaged at random: read, or refused as InputError, in bounded time; nothing else.

``FUZZ_SECONDS`` says how long each part looks, ``FUZZ_SEED`` where it starts, as in ``test_checkpoint.py``;
``scripts/fuzz.py`` sets them. What ends otherwise is written to ``FUZZ_FOUND``; once it is repaired it
belongs into ``corpus``, which is tried first.
"""

from __future__ import annotations

import os
import random
import resource
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pyarrow
import pyarrow.parquet
import pytest

from birdnet_stm32.audio.annotations.names_table import parse_names
from birdnet_stm32.audio.annotations.read_annotations import parse_annotations
from birdnet_stm32.audio.annotations.species_names import species_names
from birdnet_stm32.audio.recorders.guano import parse_guano
from birdnet_stm32.audio.recorders.recording_name import read_name
from birdnet_stm32.boards import folders
from birdnet_stm32.commands.shared.legacy_config import read_legacy_config
from birdnet_stm32.config.variant_file import load_variant
from birdnet_stm32.detect.species_list_file import parse_species_list
from birdnet_stm32.errors import InputError, ToolError
from birdnet_stm32.files.json_file import json_object, parse_json
from birdnet_stm32.files.text_file import decode_text
from birdnet_stm32.files.toml_file import parse_toml
from birdnet_stm32.firmware import console
from birdnet_stm32.firmware.flash_plan import read_plan
from birdnet_stm32.frontend.contract import contract_from_json
from birdnet_stm32.npu.stedgeai.c_info import read_c_info
from birdnet_stm32.release.manifest import read_bundle_manifest

BOARD = folders.find("stm32n6570_dk")
FLASH = folders.require(BOARD.flash, BOARD, "flash")

SECONDS = float(os.environ.get("FUZZ_SECONDS", "3"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
SLOWEST_S = 5.0
MOST_MEMORY_BYTES = 1 << 30  # more than before, for inputs of some 100 KB
LONGEST_MESSAGE = 9_000  # characters
CORPUS = Path(__file__).parent / "corpus"

pytestmark = pytest.mark.slow

JSON = b"""{"sample_rate": 24000, "num_mels": 64, "spec_width": 256, "fft_length": 512, "chunk_duration": 2.5,
"audio_frontend": "hybrid", "mag_scale": "pwl", "embeddings_size": 256, "alpha": 0.5, "depth_multiplier": 1,
"num_classes": 2, "class_names": ["Gr\\u00fcnfink_a", "b"], "input_compression": "sqrt",
"keep_nyquist": false, "input_layout": "time_major", "output_activation": "logit",
"parts": [{"name": "application", "file": "a.hex",
"address": 1880096768, "size_bytes": 4, "sha256": "00"}], "title": "t", "version": "1.0.0", "model": "m",
"schema_version": 1, "variant": "v", "files": [], "buffers": [{"is_param": true}], "memory_pools": [],
"graphs": [{"nodes": [{"name": "epoch_1", "id": 1, "mapping": "NODE_HW", "subgraph_nodes": []}]}]}"""
TOML = b"""[variant]
title = "t"
version = "1.0.0"

[index]
root = "recordings"
background = ["noise"]

[quantize]
recipes = ["ptq", "qat"]

[lint]
suppress = { "conv-window" = "known" }

[npu]
weights_address = 0x7040_0000

[[fetch.packages]]
name = "songs"
version = '1.0'
files = [{ member = "a/b.wav", label = "a", name = "b.wav" }]
"""
CONSOLE = b"""birdnet-firmware 2 "t" "1.0.0" "0123"
recording 0 24000 60000 "a.wav"
window 0 0
detection 0 1 0.75 "A_b"
refused 1 "b.wav" "rate"
done 2 1
"""
RAVEN = b"""Selection\tView\tBegin Time (s)\tEnd Time (s)\tBegin File\tFile Offset (s)\tSpecies\tSNR (dB)
1\tWaveform 1\t1.000\t2.606\ta.wav\t1.0\tGr\xc3\xbcnfink\t2.3
1\tSpectrogram 1\t1.000\t2.606\ta.wav\t1.0\tGr\xc3\xbcnfink\t2.3
"""
AUDACITY = b"0.101385\t0.367520\tSP\n\\\t6441.064453\t12296.577148\n0.5\t3.0\tCRER\n"
ANNOTATIONS = b"""Filename,Start Time (s),End Time (s),Low Freq (Hz),High Freq (Hz),Species eBird Code
"a ""1"".flac",1.5,2.5,1,2,amerob
b.flac,,,,,
"""
NAMES = b"label,scientific_name,common_name,code\nA_b,A,b,ab\n"
CODES = b'{"Turdus merula_Blackbird": "eurbla", "eurrob1": "Erithacus rubecula_Robin"}'
SPECIES = b"""\xef\xbb\xbf# garden
species,threshold,need,weeks,time
A_b,0.25,1,44-8 20,night
"Turdus merula_""x"",y",,,,day
"""
GUANO = b"GUANO|Version: 1.0\nMake: M\nTimestamp: 2026-05-01T04:30:00.5+01:00\nLoc Position: 51.5 -0.1\n"
RECORDER_NAMES = (
    b"24F3190361CAF6BB_20260501_043000T.WAV",
    b"00008570_a_b_20220331T094900-0300_Rec [-27.38 152.88].flac",
    b"2023-05-04-birdnet-RTSP_1-21:30:59.wav",
)
TOKENS = [
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b"[[",
        b"]]",
        b",",
        b":",
        b"=",
        b".",
        b"#",
        b"\n",
        b"\r",
        b" ",
        b"\\",
        b'"',
        b"'",
    ),
    *(
        b'"""',
        b"'''",
        b"\\u0000",
        b"\\ud800",
        b"\\U00110000",
        b"\0",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xf6",
        b"\x93",
    ),
    *(
        b"null",
        b"true",
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"-0",
        b"0x",
        b"9" * 400,
        b"9" * 5_000,
        b"1_000",
        b"nan",
    ),
    *(
        b"2024-02-31",
        b"12:61:00",
        b"1979-05-27T07:32:00Z",
        b"[" * 60,
        b"{a=" * 60,
        b'{"a":' * 120,
        b"a." * 60,
    ),
    *(b"\xc2\x85", b"\xe2\x80\xa8", b"\xed\xa0\x80", "\u0661".encode(), b"(" * 50, b"\x1b[2J"),
]


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Return ``content`` with tokens put in, and parts changed, moved, left out or doubled."""
    whole = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 4, 16, 64])):
        at, size = rng.randrange(len(whole) + 1), rng.choice([1, 1, 4, 32, 256])
        kind = rng.randrange(6)
        if kind <= 1:
            whole[at : at + rng.choice([0, 0, size])] = rng.choice(TOKENS)
        elif kind == 2:
            whole[at : at + 1] = bytes([rng.randrange(256)])
        elif kind == 3:
            del whole[at : at + size]
        elif kind == 4:
            whole[at:at] = whole[at : at + size] * rng.choice([1, 2, 50])
        else:
            other = rng.randrange(len(whole) + 1)
            whole[at : at + size] = whole[other : other + size]
    return bytes(whole[:200_000])


def check(action: Callable[[bytes], object], content: bytes) -> None:
    """Run ``action``; keep ``content`` if it ends in anything but a result or an error in words."""
    started_s = time.monotonic()
    try:
        action(content)
    except (InputError, ToolError) as refused:
        if len(str(refused)) > LONGEST_MESSAGE:
            raise
    except BaseException:
        _keep(content)
        raise
    took_s = time.monotonic() - started_s
    if took_s > SLOWEST_S:
        _keep(content)
        pytest.fail(f"took {took_s:.0f} s")


def _keep(content: bytes) -> None:
    folder = Path(os.environ.get("FUZZ_FOUND", "fuzz-found"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{abs(hash(content)):x}.bin").write_bytes(content)


def look(action: Callable[[bytes], object], *seeds: bytes) -> None:
    """Damage the seeds until the time is over."""
    for seed in seeds:
        check(action, seed)
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    end_s, number = time.monotonic() + SECONDS, 0
    while time.monotonic() < end_s:
        number += 1
        rng = random.Random(f"{SEED}/{number}")  # noqa: S311 - to be tried again, not to be secret
        check(action, damaged(rng.choice(seeds), rng))
    more_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    assert more_kib * 1024 < MOST_MEMORY_BYTES


def read_documents(content: bytes) -> None:
    """Read JSON, and what the product reads of such a document, whatever it is."""
    fields = json_object(parse_json(content, where="x.json"), where="x.json")
    for reader in (
        lambda: contract_from_json(fields, where="x.json"),
        lambda: read_bundle_manifest(content, where="bundle"),
        lambda: read_c_info(decode_text(content, where="x.json")),
    ):
        check(lambda _, reader=reader: reader(), content)  # type: ignore[misc]


@pytest.mark.parametrize("path", sorted((CORPUS / "text").glob("*")), ids=lambda path: path.name)
def test_what_was_found_before(path: Path) -> None:
    content = path.read_bytes()
    check(lambda one: parse_json(one, where="x"), content)
    check(lambda one: parse_toml(decode_text(one, where="x"), where="x"), content)


def test_text() -> None:
    look(lambda one: decode_text(one, where="x.txt"), JSON, TOML, TOML.decode().encode("utf-16"))


def test_json() -> None:
    look(lambda one: parse_json(one, where="x.json"), JSON, JSON.decode().encode("utf-16"))


def test_json_documents() -> None:
    look(read_documents, JSON)


def test_annotations() -> None:
    look(
        lambda one: parse_annotations(one, where="x.txt"),
        RAVEN,
        AUDACITY,
        ANNOTATIONS,
        RAVEN.decode().encode("utf-16"),
    )


def test_parquet_annotations(tmp_path: Path) -> None:
    columns = {"file": ["a", "b"], "start": [0.5, None], "end": [1.0, None], "code": [["x", "y"], []]}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "x.parquet")
    look(lambda one: parse_annotations(one, where="x.parquet"), (tmp_path / "x.parquet").read_bytes())


def test_names() -> None:
    look(lambda one: species_names(("A_b", "Turdus merula_x"), parse_names(one, where="x")), NAMES, CODES)


def test_species_lists() -> None:
    look(lambda one: parse_species_list(one, ("A_b", 'Turdus merula_"x",y')), SPECIES)


def test_guano() -> None:
    look(parse_guano, GUANO)


def test_names_of_recordings() -> None:
    def read(content: bytes) -> None:
        read_name(PurePosixPath(os.fsdecode(content)), is_audiomoth=len(content) % 2 == 0)

    look(read, *RECORDER_NAMES)


def test_toml() -> None:
    look(lambda one: parse_toml(decode_text(one, where="x.toml"), where="x.toml"), TOML)


def test_variants(tmp_path: Path) -> None:
    def load(content: bytes) -> None:
        path = tmp_path / "v.toml"
        path.write_bytes(content)
        load_variant(path)

    look(load, TOML, b'[variant]\ntitle = "t"\n\n[index]\nroot = "recordings"\n')


def test_flash_plans_and_old_configurations(tmp_path: Path) -> None:
    def load(content: bytes) -> None:
        for name in ("flash.json", "config.json", "config.toml"):
            (tmp_path / name).write_bytes(content)
        check(lambda _: read_plan(tmp_path, FLASH), content)
        for name in ("config.json", "config.toml"):
            check(lambda _, name=name: read_legacy_config(tmp_path / name, {}, {}), content)  # type: ignore[misc]

    plan = b'{"title": "t", "version": "1", "model": "m", "parts": [{"name": "application", "file": "a.hex",'
    plan += b'"address": 1880096768, "size_bytes": 4, "sha256": "' + b"0" * 64 + b'"}]}'
    look(load, plan, b'{"model_path": "a", "n6_loader": {}}', b'[deploy]\nmodel_path = "a"\n')


def test_consoles() -> None:
    look(lambda one: console.parse(one.decode(errors="replace")), CONSOLE)
