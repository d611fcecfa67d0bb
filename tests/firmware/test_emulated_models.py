"""Real models from .tflite to the emulated board: generated, compiled, run, compared with the references."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from birdnet_stm32.audio.decoding.decode import Unusable, decode
from birdnet_stm32.boards import folders
from birdnet_stm32.boards.description import Board
from birdnet_stm32.codegen.constant_folding import fold_batch
from birdnet_stm32.codegen.emit import generate_c
from birdnet_stm32.codegen.self_test_vectors import make_test_vectors as make_vectors
from birdnet_stm32.detect.rules import make_rules
from birdnet_stm32.firmware import emulator, parity
from birdnet_stm32.firmware.build import build
from birdnet_stm32.firmware.event_parity import check_events
from birdnet_stm32.firmware.render import FirmwareSettings, render_project
from birdnet_stm32.frontend import spectrogram
from birdnet_stm32.frontend.contract import (
    Compression,
    Frontend,
    FrontendSpec,
    InputLayout,
    ModelContract,
    OutputActivation,
    read_contract,
)
from birdnet_stm32.frontend.mixer import Mixer
from birdnet_stm32.tflite.reader import read_graph

pytestmark = [pytest.mark.emulated, pytest.mark.slow]

BOARD = folders.find("mps3_an547")
EMULATED = folders.having("emulator", folders.names())
Pcm = npt.NDArray[np.int16]
Write = Callable[[Mapping[str, bytes], Path], Path]


def prove(
    tflite: bytes,
    contract: ModelContract,
    recordings: Mapping[str, Pcm],
    *,
    folder: Path,
    write: Write,
    timeout_s: float,
    vectors: Pcm | None = None,
    board: Board = BOARD,
) -> tuple[emulator.EmulationRun, parity.Parity]:
    graph = fold_batch(read_graph(tflite, where="model.tflite"))
    model_files = generate_c(
        graph,
        labels=contract.labels,
        contract=contract,
        vectors=None if vectors is None else make_vectors(vectors, contract.frontend, tflite),
    )
    settings = FirmwareSettings(threshold=0.1, top_k=3, title="A proof", version="1")
    project = write(render_project(board.name, model_files, settings), folder / "project")
    elf = build(project, folder / "build").elf
    run = emulator.run(
        elf,
        folders.require(board.emulator, board, "emulator"),
        recordings,
        contract.frontend,
        work=folder / "work",
        timeout_s=timeout_s,
    )
    thresholds = (settings.threshold,) * len(contract.labels)
    rules = make_rules(settings.detect, contract.labels, thresholds, contract.frontend.window_shape)
    found = parity.check(run, tflite, contract.frontend, recordings)
    found = check_events(found, run, tflite, contract, recordings, rules)
    shutil.rmtree(folder / "work")  # nearly a megabyte a window
    return run, found


def chirps() -> dict[str, Pcm]:
    """Return recordings of several windows, of less than one, and of silence."""
    rng = np.random.default_rng(11)
    time_s = np.arange(20_000) / 8_000
    chirp = 9_000 * np.sin(2 * np.pi * (500 + 600 * time_s) * time_s) + rng.normal(0, 300, len(time_s))
    pcm = chirp.astype(np.int16)
    return {"chirp": pcm, "short": pcm[:1_234], "silence": np.zeros(9_000, np.int16)}


@pytest.mark.parametrize(
    "spec",
    [
        FrontendSpec(
            kind=Frontend.HYBRID,
            sample_rate_hz=8_000,
            window_samples=8_000,
            fft_length=256,
            spec_width=32,
            num_mels=16,
            compression=Compression.SQRT,
        ),
        FrontendSpec(
            kind=Frontend.MEL,
            sample_rate_hz=8_000,
            window_samples=8_001,
            fft_length=512,
            spec_width=33,
            num_mels=24,
            compression=Compression.LOG,
            layout=InputLayout.FREQUENCY_MAJOR,
        ),
    ],
    ids=["hybrid", "mel"],
)
@pytest.mark.parametrize("board", EMULATED, ids=lambda board: board.name)
def test_a_small_model_equals_the_references(
    spec: FrontendSpec, board: Board, tmp_path: Path, write: Write
) -> None:
    from birdnet_stm32.model.architecture import dscnn
    from birdnet_stm32.quant.convert import convert

    contract = ModelContract(
        frontend=spec,
        labels=("one", "two", "three"),
        output_activation=OutputActivation.LOGIT,
        alpha=0.25,
        embedding_size=32,
    )
    recordings = chirps()
    windows = np.stack([pcm[: spec.window_samples] for pcm in recordings.values() if len(pcm) > 8_001])
    tflite = convert(dscnn.build_dscnn(contract), spectrogram.features(windows, spec))
    run, found = prove(tflite, contract, recordings, folder=tmp_path, write=write, timeout_s=60, board=board)
    parity.require(found)
    assert found.first_difference is None
    assert found.windows == len(run.windows) > 5
    assert found.events_compared == len(run.events) > 0
    probabilities = {one.probability for one in run.detections}
    assert probabilities
    assert max(probabilities) < 1


def mixer(spec: FrontendSpec) -> Mixer:
    """Return a mixer as a trained model may have it, with two sub-ranges."""
    rng = np.random.default_rng(3)
    hinges = (3, spec.num_mels)
    bank = spectrogram.mel_bank(spec)
    return Mixer(
        mel=bank.T / bank.sum(axis=1).max(),
        k0=rng.uniform(0.5, 1.5, spec.num_mels).astype(np.float32),
        k=rng.uniform(-0.2, 0.6, hinges).astype(np.float32),
        w=rng.uniform(0.5, 1.5, hinges).astype(np.float32),
        b=rng.uniform(-0.8, 0, hinges).astype(np.float32),
        subranges=(0.04, 0.64),
    )


def backbone(spec: FrontendSpec, classes: int) -> Any:
    """Return a small network that starts behind the mixer."""
    import keras

    keras.utils.set_random_seed(5)
    inputs = keras.Input(spec.input_shape)
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu6")(inputs)
    x = keras.layers.DepthwiseConv2D(3, strides=2, padding="same", activation="relu6")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(classes)(x))


@pytest.mark.parametrize(
    "spec",
    [
        FrontendSpec(
            kind=Frontend.HYBRID,
            sample_rate_hz=8_000,
            window_samples=8_000,
            fft_length=256,
            spec_width=32,
            num_mels=16,
            keep_nyquist=True,
            layout=InputLayout.FREQUENCY_MAJOR,
        ),
        FrontendSpec(
            kind=Frontend.HYBRID,
            sample_rate_hz=8_000,
            window_samples=8_001,
            fft_length=256,
            spec_width=33,
            num_mels=24,
            compression=Compression.SQRT,
        ),
    ],
    ids=["published", "sqrt"],
)
def test_a_model_behind_a_float_front_end_equals_the_references(
    spec: FrontendSpec, tmp_path: Path, write: Write
) -> None:
    from birdnet_stm32.quant.convert import convert

    spec = replace(spec, mixer=mixer(spec))
    contract = ModelContract(
        frontend=spec, labels=("one", "two", "three"), output_activation=OutputActivation.LOGIT
    )
    recordings = chirps()
    windows = np.stack([pcm[: spec.window_samples] for pcm in recordings.values() if len(pcm) > 8_001])
    tflite = convert(backbone(spec, 3), spectrogram.features(windows, spec))
    _, found = prove(
        tflite, contract, recordings, folder=tmp_path, write=write, timeout_s=60, vectors=windows[:1]
    )
    parity.require(found)
    assert found.first_difference is None
    assert set(found.stage_max_relative_errors) == {"mixed", "model_input"}
    assert found.outputs_compared > 15


@pytest.mark.shared
def test_the_published_model_equals_the_references(shared: Path, tmp_path: Path, write: Write) -> None:
    contract = read_contract(shared / "checkpoints" / "birdnet_stm32n6_100_model_config.json")
    tflite = (shared / "checkpoints" / "birdnet_stm32n6_100.tflite").read_bytes()
    species = sorted(path for path in (shared / "data" / "birds").iterdir() if path.is_dir())
    recordings: dict[str, Pcm] = {}
    for folder in species:
        for path in sorted(folder.glob("*.flac"))[:2]:
            pcm = decode(path, sample_rate_hz=contract.frontend.sample_rate_hz)
            assert not isinstance(pcm, Unusable)
            recordings[f"{folder.name}/{path.name}"] = pcm
    run, found = prove(tflite, contract, recordings, folder=tmp_path, write=write, timeout_s=400)
    parity.require(found)
    assert found.first_difference is None
    assert found.windows >= 50
    assert found.outputs_compared == 100 * found.windows
    heard = {(run.recordings[one.recording].split("/")[0], one.name) for one in run.detections}
    assert ("Parus major_Great Tit", "Parus major_Great Tit") in heard
