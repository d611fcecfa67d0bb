"""BirdNET V2.4 as a teacher, where BIRDNET_TEACHER names a folder with its model and its labels."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.audio.annotations.species_names import parts_of
from birdnet_stm32.audio.decoding import decode
from birdnet_stm32.model.teacher.open_teacher import TeacherFiles, open_teacher
from birdnet_stm32.model.teacher.teacher_classes import map_classes
from birdnet_stm32.pcm import FULL_SCALE

RATE_HZ, SAMPLES = 48_000, 144_000


@pytest.fixture(scope="module")
def birdnet() -> TeacherFiles:
    named = os.environ.get("BIRDNET_TEACHER")
    if named is None:
        pytest.skip("BIRDNET_TEACHER names no folder with BirdNET V2.4")
    folder = Path(named)
    (model,) = folder.glob("*V2.4_Model_FP32.tflite")
    (labels,) = folder.glob("*V2.4_Labels.txt")
    return TeacherFiles(model=model, labels=labels)


@pytest.mark.slow
@pytest.mark.shared
def test_it_names_the_birds_of_recordings(birdnet: TeacherFiles, shared: Path) -> None:
    teacher = open_teacher(birdnet)
    assert (teacher.outputs, teacher.window_samples, len(teacher.labels)) == ("logits", SAMPLES, 6_522)
    assert teacher.network.embedding_size == 1_024
    species = sorted(path for path in (shared / "data" / "benchmark" / "birds").iterdir() if path.is_dir())
    classes = map_classes([path.name for path in species], teacher.labels)
    assert classes.unknown == ()
    right = []
    for number, folder in enumerate(species):
        decoded = decode.decode(sorted(folder.iterdir())[0], sample_rate_hz=RATE_HZ)
        assert isinstance(decoded, np.ndarray)
        audio = decoded[:SAMPLES].astype(np.float32) / FULL_SCALE
        heard = teacher.hear(audio[np.newaxis]).values[0]
        right.append(parts_of(teacher.labels[int(heard.argmax())])[0] == parts_of(folder.name)[0])
        assert parts_of(teacher.labels[classes.outputs[number]])[0] == parts_of(folder.name)[0]
    assert sum(right) >= 7
