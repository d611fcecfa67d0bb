#!/usr/bin/env python3
"""Print how long it takes to make an int8 model from recordings, beside a simple implementation.

docs/benchmarks.md shows the last results. The simple implementation is in the functions ``obvious_*``. Both
take turns. The recordings are pieces of real recordings, written as wav, flac, ogg and mp3 with sample rates
that differ from the model's.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from birdnet_stm32.audio.decoding import decode
from birdnet_stm32.audio.index import build_index, measurements, recording_index
from birdnet_stm32.audio.windows import cut_windows, representative_windows
from birdnet_stm32.config.recording_tables import IndexTable
from birdnet_stm32.config.variant_file import load_variant
from birdnet_stm32.engine.release import Release
from birdnet_stm32.frontend.contract import FrontendSpec, ModelContract, read_contract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.pcm import FULL_SCALE
from birdnet_stm32.quant.simulation import float_graph
from birdnet_stm32.quant.simulation.run_network import observe_network, sigmoid
from birdnet_stm32.stages.inputs.float_model import contract_to_train
from birdnet_stm32.stages.inputs.recordings import recordings_root

ROOT = Path(__file__).resolve().parents[1]
KINDS = (("wav", 48_000), ("flac", 44_100), ("ogg", 32_000), ("mp3", 44_100))
KINDS += (("wav", 32_000), ("flac", 48_000), ("ogg", 44_100), ("mp3", 48_000))
SOURCE_HZ = 24_000
SOURCE_S = 600
CLASSES = 10
STEPS = 10
BATCH = 16
LEARNING_RATE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the table, in seconds."""

    what: str
    ours_s: float
    obvious_s: float
    goal: str


def compared(what: str, goal: str, ours: Callable[[], Any], obvious: Callable[[], Any], repeats: int) -> Row:
    """Measure the time of two functions in turns. The first call of each is not counted."""
    seconds: dict[Callable[[], Any], list[float]] = {ours: [], obvious: []}
    for number in range(repeats + 1):
        for function, found in seconds.items():
            started = time.perf_counter()
            function()
            if number:
                found.append(time.perf_counter() - started)
    medians = [statistics.median(found) for found in seconds.values()]
    return Row(what=what, ours_s=medians[0], obvious_s=medians[1], goal=goal)


def source_audio(folder: Path) -> np.ndarray:
    """Return up to ten minutes of the recordings below a folder, one after the other, float32."""
    found, samples = [], 0
    for file in recording_index.list_recordings(folder):
        pcm = decode.decode(folder / file.path, sample_rate_hz=SOURCE_HZ)
        if isinstance(pcm, np.ndarray) and samples < SOURCE_S * SOURCE_HZ:
            found.append(pcm.astype(np.float32) / FULL_SCALE)
            samples += len(pcm)
    return np.concatenate(found)


def write_mixed(root: Path, audio: np.ndarray, count: int, seconds: float) -> None:
    """Write pieces of ``audio``, with one folder for each class, each in the next format and sample rate."""
    generator = np.random.default_rng(seed=42)
    for number in range(count):
        suffix, rate_hz = KINDS[number % len(KINDS)]
        start = generator.integers(len(audio))
        piece = np.take(audio, np.arange(start, start + round(seconds * SOURCE_HZ)), mode="wrap")
        folder = root / f"class_{number % CLASSES}"
        folder.mkdir(parents=True, exist_ok=True)
        samples = np.clip(soxr.resample(piece, SOURCE_HZ, rate_hz), -1, 1)
        with soundfile.SoundFile(folder / f"{number:04}.{suffix}", "w", rate_hz, 1) as file:
            for block in np.array_split(
                samples, 1 + len(samples) // rate_hz
            ):  # libvorbis takes no more at once
                file.write(block)


def obvious_features(root: Path, rows: Sequence[cut_windows.WindowRow], spec: FrontendSpec) -> np.ndarray:
    """Load every recording with librosa and compute the STFT of its window."""
    import librosa

    found = []
    for row in rows:
        audio, _ = librosa.load(root / row.path, sr=spec.sample_rate_hz)
        window = audio[row.start_sample : row.start_sample + spec.window_samples]
        found.append(np.abs(librosa.stft(window, n_fft=spec.fft_length, hop_length=spec.hop_samples)))
    return np.stack(found)


def bench_representative(
    root: Path, spec: FrontendSpec, seconds: float, repeats: int
) -> tuple[Row, np.ndarray]:
    """Choose and cut one window of every recording and compute the network's input."""
    table = IndexTable(root=str(root))
    started = time.perf_counter()
    measured = measurements.measure_files(root, recording_index.list_recordings(root), {})
    indexed_s = time.perf_counter() - started
    print(f"index of {len(measured)} recordings of {seconds:g} s, kept for later: {indexed_s:.2f} s")
    rows = build_index.build_index(measured, table, train_every_label=False)
    parts = [sum(row.split == part for row in rows) for part in ("train", "validation")]

    def choose() -> cut_windows.CutWindows:
        return representative_windows.choose_representative_windows(
            rows,
            representative_windows.parts_of_files(root, spec.sample_rate_hz),
            spec.window_shape,
            calibration_windows=parts[0],
            validation_windows=parts[1],
            seed=42,
        )

    chosen = choose()
    row = compared(
        f"{len(chosen.rows)} windows of recordings of {seconds:g} s, with spectrograms",
        ">= 3",
        lambda: features(choose().pcm, spec),
        lambda: obvious_features(root, chosen.rows, spec),
        repeats,
    )
    return row, chosen.pcm


def obvious_convert(model: Any, windows: np.ndarray) -> bytes:
    """Calibrate and convert as TensorFlow's guide describes it."""
    import tensorflow as tf

    def generate() -> Iterator[list[np.ndarray]]:
        for window in windows:
            yield [window[np.newaxis]]

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = generate
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    with contextlib.redirect_stdout(io.StringIO()):  # it prints every variable
        return bytes(converter.convert())


def bench_convert(model: Any, contract: ModelContract, windows: np.ndarray, repeats: int) -> Row:
    """Convert, and print how close both implementations are to the float model, on other windows."""
    from birdnet_stm32.model.probabilities import probabilities
    from birdnet_stm32.quant.convert import convert
    from birdnet_stm32.quant.verify import compare
    from birdnet_stm32.tflite import interpreter

    count = 3 * len(windows) // 5
    calibration, validation = windows[:count], windows[count:]
    expected = probabilities(model.predict(validation, batch_size=BATCH, verbose=0), contract)
    for name, tflite in (
        ("ours", convert(model, calibration)),
        ("the obvious way", obvious_convert(model, calibration)),
    ):
        measures = compare(expected, probabilities(interpreter.run(tflite, validation), contract)).all
        print(f"mean cosine of {len(validation)} windows, {name}: {measures.cosine_mean:.4f}")
    return compared(
        f"calibration with {count} windows, and conversion",
        ">= 2",
        lambda: convert(model, calibration),
        lambda: obvious_convert(model, calibration),
        repeats,
    )


def obvious_step(loss_of: Callable[[Any], Any], trained: list[Any]) -> Callable[[Any, Any], Any]:
    """Compile a plain training step of Adam."""
    import keras
    import tensorflow as tf

    optimizer = keras.optimizers.Adam(LEARNING_RATE)
    optimizer.build(trained)

    @tf.function(autograph=False)
    def step(inputs: Any, references: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = loss_of(inputs, references)
        optimizer.apply(tape.gradient(loss, trained), trained)
        return loss

    return step


def many(step: Callable[[Any, Any], Any], inputs: np.ndarray, references: np.ndarray) -> Callable[[], None]:
    """Return a function that takes several steps and waits for each."""

    def run() -> None:
        for _ in range(STEPS):
            float(step(inputs, references))

    return run


def bench_rounded_kernels(model: Any, contract: ModelContract, windows: np.ndarray, repeats: int) -> Row:
    """Fine-tune with rounded kernels and frozen batch normalisation, and the same without rounding."""
    import keras

    from birdnet_stm32.model.probabilities import probabilities
    from birdnet_stm32.quant.training import weight_qat

    references = probabilities(model.predict_on_batch(windows), contract)
    ours, plain = (keras.Model.from_config(model.get_config()) for _ in range(2))
    for copied in (ours, plain):
        copied.set_weights(model.get_weights())
    step, _ = weight_qat.compile_step(ours, LEARNING_RATE, STEPS, contract.output_activation, teacher=True)
    for layer in plain._flatten_layers(include_self=False):
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    plain_step = obvious_step(
        lambda inputs, references: weight_qat.distance(
            plain(inputs, training=False), references, contract.output_activation, teacher=True
        ),
        plain.trainable_variables,
    )
    return compared(
        f"{STEPS} training steps of {BATCH} windows, kernels rounded",
        ">= 0.95",
        many(step, windows, references),
        many(plain_step, windows, references),
        repeats,
    )


def bench_rounded_tensors(model: Any, contract: ModelContract, pcm: np.ndarray, repeats: int) -> Row:
    """Fine-tune with every tensor rounded as in the converted network, and the same without rounding."""
    import tensorflow as tf

    from birdnet_stm32.model.checkpoints import checkpoint
    from birdnet_stm32.quant.rewriting.front_end import split_front_end
    from birdnet_stm32.quant.rewriting.keras_io import from_keras
    from birdnet_stm32.quant.rewriting.network import weights
    from birdnet_stm32.quant.simulation import run_network
    from birdnet_stm32.quant.training import activation_qat

    logits, contract = checkpoint.as_logits(model, contract)
    _, network, contract = split_front_end(from_keras(logits), contract)
    windows = features(pcm, contract.frontend)
    references = sigmoid(run_network(network, windows))
    trainer = activation_qat.Trainer(network, STEPS, LEARNING_RATE)
    trainer.set_ranges(observe_network(network, windows).ranges)
    variables = {name: tuple(map(tf.Variable, pair)) for name, pair in weights(network).items()}
    output = network.units[-1].name
    plain_step = obvious_step(
        lambda inputs, references: activation_qat.distillation_loss(
            float_graph.forward(network, variables, inputs)[output], references
        ),
        [variable for pair in variables.values() for variable in pair],
    )
    return compared(
        f"{STEPS} training steps of {BATCH} windows, every tensor rounded",
        ">= 0.67",
        many(trainer.step, windows, references),
        many(plain_step, windows, references),
        repeats,
    )


def load_model(release: Release) -> tuple[Any, ModelContract]:
    """Return the checkpoint of a variant, or the untrained model that the variant would train."""
    from birdnet_stm32.model.architecture import dscnn
    from birdnet_stm32.model.checkpoints import checkpoint

    table = release.variant.model
    if table.checkpoint is None or table.config is None:
        contract = contract_to_train(table, tuple(f"class_{number}" for number in range(CLASSES)))
        return dscnn.build_dscnn(contract), contract
    contract = read_contract(release.resolve(table.config))
    return checkpoint.load(release.resolve(table.checkpoint), contract), contract


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variant", type=Path, default=ROOT / "variants/demo.toml", metavar="FILE")
    parser.add_argument("--recordings", type=Path, metavar="FOLDER", help="default: those of the variant")
    parser.add_argument("--count", type=int, default=500, metavar="N", help="recordings as long as a window")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="medians are of this many runs")
    options = parser.parse_args(argv)
    path = options.variant.resolve()
    release = Release(name=path.stem, path=path, build=ROOT / "build", variant=load_variant(path))
    model, contract = load_model(release)
    spec = contract.frontend
    audio = source_audio(options.recordings or recordings_root(release))
    rows = []
    with tempfile.TemporaryDirectory(prefix="birdnet-benchmark-") as work:
        for name, count, seconds in (
            ("long", options.count // 8, 30.0),
            ("short", options.count, spec.window_samples / spec.sample_rate_hz),
        ):
            write_mixed(Path(work) / name, audio, count, seconds)
            row, pcm = bench_representative(Path(work) / name, spec, seconds, options.repeats)
            rows.append(row)
    windows = features(pcm, spec)
    rows += [
        bench_convert(model, contract, windows, options.repeats),
        bench_rounded_tensors(model, contract, pcm[:BATCH], options.repeats),
        bench_rounded_kernels(model, contract, windows[:BATCH], options.repeats),
    ]
    print(
        f"\n{os.cpu_count()} cores of {platform.machine()}, Python {platform.python_version()}, "
        f"TensorFlow {version('tensorflow-cpu')}, librosa {version('librosa')}\n"
    )
    print("| what | seconds | the obvious way | times as fast | goal |\n|---|---:|---:|---:|---:|")
    for row in rows:
        ratio = row.obvious_s / row.ours_s
        print(f"| {row.what} | {row.ours_s:.2f} | {row.obvious_s:.2f} | {ratio:.2f} | {row.goal} |")


if __name__ == "__main__":
    main()
