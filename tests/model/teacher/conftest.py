"""A tiny teacher that hears pitch, written by the converters that people use, and recordings for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from birdnet_stm32.audio.shards.label_sets import LabelSet
from birdnet_stm32.audio.shards.window_set import ShardedRecording, WindowSet
from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.model.teacher.open_teacher import TeacherFiles, open_teacher
from birdnet_stm32.model.teacher.teacher import Teacher

RATE_HZ = 8_000
SAMPLES = 6_000  # of the teacher's window, which is half as long again as the student's
FRAME = 100
PITCHES_HZ = (400, 1_200, 2_400)
LABELS = ("Rana temporaria_Frog", "Strix aluco_Tawny Owl", "Parus major_Great Tit")
SHAPE = WindowShape(sample_rate_hz=RATE_HZ, window_samples=4_000, hop_samples=2_000)

Floats = NDArray[np.float32]


def filters() -> Floats:
    """Cosines and sines of the pitches, float32 ``[FRAME, 2 * pitches]``."""
    phase = 2 * np.pi * np.outer(np.arange(FRAME) / RATE_HZ, PITCHES_HZ)
    return np.concatenate([np.cos(phase), np.sin(phase)], axis=1).astype(np.float32) / FRAME


def classifier() -> tuple[Floats, Floats]:
    """The last layer: the loudest pitch has a logit far above zero."""
    twice = np.concatenate([np.eye(3), np.eye(3)])
    return (4_000 * twice).astype(np.float32), np.full(3, -6, np.float32)


class Net(tf.Module):
    """Frames, correlation with each pitch, mean power (the embedding), a dense layer (the logits)."""

    def __init__(self) -> None:
        super().__init__()
        kernel, bias = classifier()
        self.filters = tf.Variable(filters())
        self.kernel, self.bias = tf.Variable(kernel), tf.Variable(bias)

    def logits_and_embedding(self, audio: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        frames = tf.reshape(audio, [-1, FRAME])
        power = tf.square(tf.matmul(frames, self.filters))
        embedding = tf.reduce_mean(tf.reshape(power, [-1, SAMPLES // FRAME, 6]), axis=1)
        return tf.matmul(embedding, self.kernel) + self.bias, embedding


def tflite_of(function: Callable[[tf.Tensor], tf.Tensor], module: tf.Module, samples: int = SAMPLES) -> bytes:
    concrete = tf.function(function).get_concrete_function(tf.TensorSpec([1, samples], tf.float32))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    content: bytes = converter.convert()
    return content


@pytest.fixture(scope="session")
def net() -> Net:
    return Net()


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory, net: Net) -> Path:
    """A folder with the teacher as .tflite and .onnx and as a SavedModel, and its labels."""
    folder = tmp_path_factory.mktemp("teacher")
    (folder / "logits.tflite").write_bytes(tflite_of(lambda x: net.logits_and_embedding(x)[0], net))
    (folder / "probabilities.tflite").write_bytes(
        tflite_of(lambda x: tf.sigmoid(net.logits_and_embedding(x)[0]), net)
    )
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in LABELS), encoding="utf-8")
    save_model(net, folder / "saved")
    onnx.save(onnx_model(), folder / "logits.onnx")
    return folder


def save_model(net: Net, folder: Path) -> None:
    @tf.function(input_signature=[tf.TensorSpec([None, SAMPLES], tf.float32, name="audio")])
    def serve(audio: tf.Tensor) -> dict[str, tf.Tensor]:
        logits, embedding = net.logits_and_embedding(audio)
        return {"logits": logits, "embedding": embedding}

    tf.saved_model.save(net, str(folder), signatures={"serving_default": serve})


def onnx_model(samples: int = SAMPLES) -> onnx.ModelProto:
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    kernel, bias = classifier()
    constants = {
        "filters": filters(),
        "kernel": kernel,
        "bias": bias,
        "framed": np.array([-1, FRAME], np.int64),
        "grouped": np.array([-1, samples // FRAME, 6], np.int64),
        "axes": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("Reshape", ["audio", "framed"], ["frames"]),
        helper.make_node("MatMul", ["frames", "filters"], ["found"]),
        helper.make_node("Mul", ["found", "found"], ["power"]),
        helper.make_node("Reshape", ["power", "grouped"], ["groups"]),
        helper.make_node("ReduceMean", ["groups", "axes"], ["vector"], keepdims=0),
        helper.make_node("MatMul", ["vector", "kernel"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "teacher",
        [helper.make_tensor_value_info("audio", float32, ["batch", samples])],
        [helper.make_tensor_value_info("logits", float32, ["batch", 3])],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


@pytest.fixture(scope="session")
def teacher(files: Path) -> Teacher:
    return open_teacher(
        TeacherFiles(model=files / "logits.tflite", labels=files / "labels.txt", sample_rate_hz=RATE_HZ)
    )


def tone(pitch_hz: float, samples: int, rate_hz: int = RATE_HZ, level: float = 0.5) -> Floats:
    return (level * np.sin(2 * np.pi * pitch_hz * np.arange(samples) / rate_hz)).astype(np.float32)


def window_set(folder: Path, recordings: Sequence[tuple[str, str, Floats]]) -> WindowSet:
    """Return the windows of recordings: the label, the split and the samples in [-1, 1] of each."""
    folder.mkdir(exist_ok=True)
    listed, recording_of, starts, labels = [], [], [], []
    sets: dict[LabelSet, int] = {}
    for number, (label, split, audio) in enumerate(recordings):
        pcm = np.rint(audio * 32_767).astype("<i2")
        pcm.tofile(folder / f"{number}.pcm")
        listed.append(
            ShardedRecording(
                path=f"{label}/{number}.wav",
                recording=str(number),
                label=label,
                background=not label,
                split=split,
                fold=0,
                digest=hashlib.sha256(pcm.tobytes()).hexdigest(),
                channel=0,
                duration_s=len(pcm) / RATE_HZ,
                shard=f"{number}.pcm",
                first_sample=0,
                samples=len(pcm),
            )
        )
        held = sets.setdefault(LabelSet(positives=(label,) if label else ()), len(sets))
        for start in SHAPE.starts(len(pcm)):
            recording_of.append(number)
            starts.append(start)
            labels.append(held)
    count = len(starts)
    return WindowSet(
        folder=folder,
        window_shape=SHAPE,
        recordings=tuple(listed),
        label_sets=tuple(sets),
        recording_of=np.array(recording_of, np.int32),
        start_sample=np.array(starts, np.int64),
        label_set=np.array(labels, np.int32),
        activity_db=np.zeros(count, np.float32),
        chosen=np.ones(count, bool),
    )
