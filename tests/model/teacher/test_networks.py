"""Every kind of teacher gives the same scores and embeddings, and what is no teacher is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tensorflow as tf

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.json_file import canonical_json
from birdnet_stm32.frontend.contract import ModelContract, contract_to_json
from birdnet_stm32.model.architecture import dscnn
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.model.teacher.open_teacher import TeacherFiles, open_teacher
from tests.model.teacher.conftest import (
    LABELS,
    PITCHES_HZ,
    RATE_HZ,
    SAMPLES,
    Net,
    onnx_model,
    save_model,
    tone,
)


def opened(files: Path, name: str, **options: Any) -> Any:
    return open_teacher(
        TeacherFiles(
            **{"model": files / name, "labels": files / "labels.txt", "sample_rate_hz": RATE_HZ} | options
        )
    )


def tones() -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.stack([tone(pitch, SAMPLES) for pitch in PITCHES_HZ])


@pytest.mark.parametrize("name", ["logits.tflite", "probabilities.tflite", "logits.onnx", "saved"])
def test_every_kind_hears_the_same(files: Path, name: str) -> None:
    teacher = opened(files, name, embedding="embedding" if name == "saved" else None)
    assert teacher.outputs == ("probabilities" if name.startswith("prob") else "logits")
    assert teacher.window_s == SAMPLES / RATE_HZ
    heard = teacher.hear(tones())
    assert heard.values.argmax(axis=1).tolist() == [0, 1, 2]
    assert (np.diag(heard.values) > 0.9).all()
    assert heard.values[~np.eye(3, dtype=bool)].max() < 0.1
    assert heard.embeddings is not None
    assert heard.embeddings.shape == (3, 6)
    assert np.allclose(heard.embeddings, opened(files, "logits.tflite").hear(tones()).embeddings, atol=1e-6)


@pytest.mark.slow
def test_a_checkpoint_of_this_project_teaches(tmp_path: Path, contract: ModelContract) -> None:
    model = dscnn.build_dscnn(contract, seed=1)
    checkpoint.save(model, tmp_path / "teacher.keras")
    (tmp_path / "config.json").write_text(canonical_json(contract_to_json(contract)))
    files = TeacherFiles(model=tmp_path / "teacher.keras", config=tmp_path / "config.json")
    teacher = open_teacher(files)
    assert (teacher.labels, teacher.outputs) == (contract.labels, "logits")
    heard = teacher.hear(np.stack([tone(700, 4_000), tone(2_500, 4_000)]))
    assert heard.values.shape == (2, 2)
    assert heard.embeddings is not None
    assert heard.embeddings.shape == (2, contract.embedding_size)
    named = open_teacher(replace(files, embedding=model.layers[1].name))
    assert named.network.embedding_size > contract.embedding_size
    with pytest.raises(InputError, match="has no layer 'nothing'"):
        open_teacher(replace(files, embedding="nothing"))


def test_a_named_tensor_is_the_embedding(files: Path) -> None:
    name = onnx_model().graph.node[3].output[0]
    assert opened(files, "logits.onnx", embedding=name).network.embedding_size == 6 * SAMPLES // 100
    for kind in ("logits.tflite", "logits.onnx", "saved"):
        with pytest.raises(InputError, match="which \\[teacher\\] embedding names"):
            opened(files, kind, embedding="nothing")


def test_a_saved_model_without_a_named_embedding_has_none(files: Path) -> None:
    assert opened(files, "saved").hear(tones()).embeddings is None


@pytest.mark.parametrize("name", ["logits.tflite", "logits.onnx", "saved"])
def test_other_outputs_than_labels_are_refused(files: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "labels.txt").write_text("Strix aluco_Tawny Owl\nParus major_Great Tit\n")
    with pytest.raises(InputError, match="of 3 values") as refused:
        opened(files, name, labels=tmp_path / "labels.txt")
    assert "2 values for the 2 names in [teacher] labels" in str(refused.value)


@pytest.mark.parametrize("name", ["logits.tflite", "logits.onnx", "saved/saved_model.pb", "saved/variables"])
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.95])
def test_a_file_that_is_cut_is_refused(files: Path, tmp_path: Path, name: str, kept: float) -> None:
    shutil.copytree(files, tmp_path / "copy")
    cut = tmp_path / "copy" / name
    if cut.is_dir():
        cut /= "variables.data-00000-of-00001"
    content = cut.read_bytes()
    cut.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(InputError):
        opened(tmp_path / "copy", name.split("/")[0])


@pytest.mark.parametrize("name", ["nothing.tflite", "labels.txt", "empty"])
def test_what_is_no_model_is_refused(files: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(files, tmp_path / "copy")
    (tmp_path / "copy" / "empty").mkdir()
    with pytest.raises(InputError, match=r"no such file|is a \.txt file|a folder without saved_model"):
        opened(tmp_path / "copy", name)


def test_a_spectrogram_as_input_is_refused(tmp_path: Path, files: Path) -> None:
    model = tf.keras.Sequential(
        [tf.keras.Input((16, 32, 1)), tf.keras.layers.Flatten(), tf.keras.layers.Dense(3)]
    )
    converted = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    (tmp_path / "spectrogram.tflite").write_bytes(converted)
    with pytest.raises(InputError, match="the samples of a window") as refused:
        opened(files, "", model=tmp_path / "spectrogram.tflite")
    assert "[16, 32, 1]" in str(refused.value)


def test_a_model_of_places_and_dates_is_refused(tmp_path: Path, files: Path) -> None:
    model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(3)])
    (tmp_path / "place.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    with pytest.raises(InputError, match="its input has 3 samples"):
        opened(files, "", model=tmp_path / "place.tflite")


def test_a_second_input_is_refused(tmp_path: Path, files: Path, net: Net) -> None:
    both = [tf.TensorSpec([1, SAMPLES], tf.float32), tf.TensorSpec([1, 3], tf.float32)]
    function = tf.function(lambda audio, place: net.logits_and_embedding(audio)[0] + place)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function(*both)], net)
    (tmp_path / "two.tflite").write_bytes(converter.convert())
    with pytest.raises(InputError, match="has 2 inputs"):
        opened(files, "", model=tmp_path / "two.tflite")


def test_integers_as_input_are_refused(tmp_path: Path, files: Path) -> None:
    model = onnx_model()
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT16
    onnx.save(model, tmp_path / "integers.onnx")
    with pytest.raises(InputError, match="int16"):
        opened(files, "", model=tmp_path / "integers.onnx")


def test_weights_in_another_file_are_refused(tmp_path: Path, files: Path) -> None:
    onnx.save(
        onnx_model(), tmp_path / "m.onnx", save_as_external_data=True, location="weights", size_threshold=0
    )
    with pytest.raises(InputError, match="keeps the weights filters in another file"):
        opened(files, "", model=tmp_path / "m.onnx")


class Writer(Net):
    """A SavedModel that writes a file when it is run."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = str(path)

    def logits_and_embedding(self, audio: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.control_dependencies([tf.io.write_file(self.path, "written")]):
            return super().logits_and_embedding(tf.identity(audio))


def test_a_saved_model_that_writes_files_is_refused_before_it_runs(tmp_path: Path, files: Path) -> None:
    save_model(Writer(tmp_path / "written"), tmp_path / "bad")
    with pytest.raises(InputError, match="uses WriteFile, which may do more than compute"):
        opened(files, "", model=tmp_path / "bad")
    assert not (tmp_path / "written").exists()


def test_a_saved_model_that_fills_a_table_from_a_file_is_refused(
    tmp_path: Path, files: Path, net: Net
) -> None:
    (tmp_path / "words.txt").write_text("a\nb\n")
    holder = Net()
    index = tf.lookup.TextFileIndex
    words = tf.lookup.TextFileInitializer(
        str(tmp_path / "words.txt"), tf.string, index.WHOLE_LINE, tf.int64, index.LINE_NUMBER
    )
    holder.table = tf.lookup.StaticHashTable(words, -1)
    save_model(holder, tmp_path / "bad")
    with pytest.raises(InputError, match="may do more than compute"):
        opened(files, "", model=tmp_path / "bad")


@pytest.mark.slow
def test_a_keras_export_is_a_saved_model(tmp_path: Path, files: Path) -> None:
    model = tf.keras.Sequential(
        [
            tf.keras.Input((SAMPLES,)),
            tf.keras.layers.Reshape((60, 100)),
            tf.keras.layers.Conv1D(4, 3, activation="relu"),
            tf.keras.layers.BatchNormalization(),
            tf.keras.layers.GlobalAveragePooling1D(),
            tf.keras.layers.Dropout(0.5),
            tf.keras.layers.Dense(3, activation="sigmoid"),
        ]
    )
    model.export(str(tmp_path / "exported"), verbose=False)
    teacher = opened(files, "", model=tmp_path / "exported")
    assert teacher.outputs == "probabilities"
    assert np.allclose(teacher.hear(tones()).values, model(tones()), atol=1e-6)


def test_logits_that_are_called_probabilities_are_refused(files: Path) -> None:
    teacher = opened(files, "logits.tflite", outputs="probabilities")
    with pytest.raises(InputError, match="is no probability"):
        teacher.hear(tones())


def test_another_model_has_another_digest(files: Path) -> None:
    names = ("logits.tflite", "probabilities.tflite", "saved")
    digests = {opened(files, name).digest for name in names} | {
        opened(files, "logits.tflite", sample_rate_hz=16_000).digest
    }
    assert len(digests) == 4
    assert opened(files, "logits.tflite").digest in digests


def test_the_labels_are_those_of_the_file(files: Path) -> None:
    assert opened(files, "logits.tflite").labels == LABELS
