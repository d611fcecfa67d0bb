import copy
import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from birdnet_stm32.errors import GateError
from birdnet_stm32.frontend.contract import (
    FLOAT_FRONT_END_FILE,
    Compression,
    Frontend,
    FrontendSpec,
    InputLayout,
    spec_from_json,
)
from birdnet_stm32.frontend.mixer import Mixer, save_mixer
from birdnet_stm32.frontend.reference_vectors import compare_documents, describe_recording

SPEC = FrontendSpec(
    kind=Frontend.MEL, sample_rate_hz=24_000, window_samples=2_400, fft_length=256, spec_width=10, num_mels=16
)


def document(spec=SPEC, samples=3_600):
    pcm = np.random.default_rng(1).normal(0, 2_000, samples).astype(np.int16)
    starts = [0, samples - 2_400] if samples > 2_400 else [0]
    return describe_recording(pcm, spec, starts, audio="noise.wav", audio_sha256="00")


@pytest.mark.shared
def test_every_published_stage_is_within_its_tolerance(shared):
    for path in sorted((shared / "data" / "frontend_vectors").glob("*.json")):
        expected = json.loads(path.read_text())
        audio = path.with_name(expected["audio"])
        pcm, _ = soundfile.read(audio, dtype="int16")
        actual = describe_recording(
            pcm,
            spec_from_json(expected["config"], where=path.name),
            [window["start_sample"] for window in expected["windows"]],
            audio=audio.name,
            audio_sha256=hashlib.sha256(audio.read_bytes()).hexdigest(),
        )
        errors = compare_documents(expected, actual)
        assert [stage for stage, _ in errors] == ["window", "stft_magnitude", "compressed", "model_input"]
        assert max(error for _, error in errors) < 1e-4
        without_windows = {**expected, "windows": []}
        assert json.dumps({**actual, "windows": []}) == json.dumps(without_windows)
        assert [list(window) for window in actual["windows"]] == [list(w) for w in expected["windows"]]


def test_a_document_is_plain_json_and_reads_back():
    made = document()
    assert json.loads(json.dumps(made)) == made
    assert list(made["windows"][0]) == [
        "start_sample", "window", "stft_magnitude", "mel", "compressed", "model_input",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        replace(SPEC, layout=InputLayout.FREQUENCY_MAJOR),
        replace(SPEC, kind=Frontend.HYBRID, num_mels=64, keep_nyquist=True),
        replace(SPEC, kind=Frontend.HYBRID, num_mels=64, compression=Compression.LOG),
        replace(SPEC, kind=Frontend.RAW, num_mels=64),
    ],
)
def test_the_configuration_reads_back_to_the_front_end(spec):
    assert spec_from_json(document(spec)["config"], where="document") == spec


def test_a_float_front_end_is_named_and_its_stage_described(tmp_path):
    band = np.ones(16, np.float32)
    none = np.zeros((0, 16), np.float32)
    mixer = Mixer(
        mel=np.eye(128, 16, dtype=np.float32), k0=band, k=none, w=none, b=none, subranges=(0.1, 1.0)
    )
    spec = replace(SPEC, kind=Frontend.HYBRID, mixer=mixer)
    made = document(spec)
    assert made["windows"][0]["mixed"]["shape"] == [16, 10]
    assert made["windows"][0]["model_input"]["shape"] == [10, 16, 2]
    save_mixer(tmp_path / FLOAT_FRONT_END_FILE, mixer)
    assert spec_from_json(made["config"], where="document", folder=tmp_path) == spec


def test_a_short_recording_is_padded_once_at_its_end():
    short = document(samples=1_000)["windows"][0]["window"]
    assert short["shape"] == [2_400]
    assert short["head"] == document(samples=2_400)["windows"][0]["window"]["head"]


def test_equal_documents_have_no_error():
    assert compare_documents(document(), document()) == [
        (stage, 0.0) for stage in ("window", "stft_magnitude", "mel", "compressed", "model_input")
    ]


@pytest.mark.parametrize("key", ["sum", "min", "max"])
def test_the_largest_error_of_any_window_is_found(key):
    expected = document()
    actual = copy.deepcopy(expected)
    values = expected["windows"][1]["mel"]
    scale = values["sum"] if key == "sum" else values["max"]
    actual["windows"][1]["mel"][key] += 0.01 * scale
    errors = dict(compare_documents(expected, actual))
    assert errors.pop("mel") == pytest.approx(0.01)
    assert set(errors.values()) == {0.0}


def test_the_first_values_count():
    expected = document()
    actual = copy.deepcopy(expected)
    actual["windows"][0]["model_input"]["head"][7] += 0.5
    assert dict(compare_documents(expected, actual))["model_input"] == pytest.approx(0.5, rel=1e-3)


def test_other_windows_stages_and_shapes_are_refused():
    expected = document()
    with pytest.raises(GateError, match=r"\[0\]"):
        compare_documents(expected, document(samples=2_400))
    with pytest.raises(GateError, match="stage mel"):
        compare_documents(expected, document(replace(SPEC, kind=Frontend.HYBRID)))
    with pytest.raises(GateError, match="stage mel of the window at sample 0"):
        compare_documents(expected, document(replace(SPEC, num_mels=12)))
