import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import (
    FLOAT_FRONT_END_FILE,
    Compression,
    Frontend,
    FrontendSpec,
    InputLayout,
    MagnitudeScale,
    ModelContract,
    OutputActivation,
    contract_from_json,
    contract_to_json,
    read_contract,
    spec_from_json,
)
from birdnet_stm32.frontend.mixer import Mixer, save_mixer

PUBLISHED_0_9 = {
    "sample_rate": 22050,
    "chunk_duration": 3,
    "audio_frontend": "hybrid",
    "fft_length": 512,
    "spec_width": 256,
    "hop_length": 258,
    "num_mels": 64,
    "num_classes": 2,
    "class_names": ["a", "b"],
}

specs = st.builds(
    FrontendSpec,
    kind=st.sampled_from([Frontend.HYBRID, Frontend.MEL]),
    sample_rate_hz=st.sampled_from([16_000, 22_050, 24_000, 48_000]),
    window_samples=st.integers(4_000, 65_000),
    fft_length=st.sampled_from([256, 512, 1024]),
    spec_width=st.integers(1, 512),
    num_mels=st.sampled_from([32, 64]),
    keep_nyquist=st.booleans(),
    compression=st.sampled_from(Compression),
    layout=st.sampled_from(InputLayout),
)


@given(specs, st.sampled_from(MagnitudeScale), st.sampled_from(OutputActivation))
def test_a_configuration_reads_back(
    spec: FrontendSpec, scale: MagnitudeScale, activation: OutputActivation
) -> None:
    contract = ModelContract(
        frontend=spec, labels=("a", 'b "c"'), output_activation=activation, magnitude_scale=scale
    )
    fields = json.loads(json.dumps(contract_to_json(contract)))
    assert contract_from_json(fields, where="test") == contract


def test_the_0_9_line_keeps_the_nyquist_bin_and_emits_probabilities() -> None:
    contract = contract_from_json(PUBLISHED_0_9, where="test")
    assert contract.frontend.input_shape == (257, 256, 1)
    assert contract.output_activation is OutputActivation.SIGMOID


def test_the_1_x_line_drops_it() -> None:
    assert spec_from_json({**PUBLISHED_0_9, "input_compression": "sqrt"}, where="test").bins == 256


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sample_rate": "22050"}, "sample_rate is '22050'"),
        ({"sample_rate": True}, "sample_rate is true"),
        ({"chunk_duration": float("nan")}, "chunk_duration is nan"),
        ({"audio_frontend": "wavelet"}, "audio_frontend is 'wavelet'"),
        ({"hop_length": 100}, "hop_length is 100"),
        ({"fft_length": 500}, "fft_length is 500"),
        ({"spec_width": 100_000, "hop_length": None}, "spec_width is 100000"),
        ({"class_names": []}, "class_names is missing"),
        ({"class_names": ["a"]}, "num_classes is 2 but class_names holds 1"),
        ({"input_layout": "diagonal"}, "input_layout is 'diagonal'"),
    ],
)
def test_a_contradiction_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        contract_from_json({**PUBLISHED_0_9, **change}, where="test")


OWN = {
    **PUBLISHED_0_9,
    "mag_scale": "pwl",
    "input_compression": "sqrt",
    "input_layout": "time_major",
    "keep_nyquist": False,
    "output_activation": "logit",
}
NETWORK = (1, 256, 256)  # that OWN describes; the other layout is as square


@pytest.mark.parametrize("kind", ["hybrid", "mel"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_a_network_does_not_show_is_never_guessed(kind: str, count: int) -> None:
    """Without any keys an own configuration is refused, or contradicts the network, or means the same."""
    whole = {**OWN, "audio_frontend": kind, "num_mels": 256}
    right = contract_from_json(whole, where="test")
    for left_out in itertools.combinations(whole, count):
        fields = {key: value for key, value in whole.items() if key not in left_out}
        try:
            found = contract_from_json(fields, where="test")
            found.frontend.check_input(right.frontend.input_shape)
        except InputError:
            continue
        if found.output_activation is right.output_activation and found.labels == right.labels:
            differs = replace(found.frontend, num_mels=256, keep_nyquist=False)
            assert differs == right.frontend, left_out


@pytest.mark.parametrize("name", ["hybrid", "librosa", "precomputed"])
def test_lines_that_have_one_layout_or_compression_may_leave_it_out(name: str) -> None:
    of_0_9 = {**PUBLISHED_0_9, "audio_frontend": name}
    for fields in (of_0_9, {**of_0_9, "input_compression": "log"}):
        spec = spec_from_json(fields, where="test")
        assert spec.layout is InputLayout.FREQUENCY_MAJOR
        assert spec.compression.value == fields.get("input_compression", "none")
    with pytest.raises(InputError, match="input_compression is missing, and the network does not show it"):
        spec_from_json({**of_0_9, "stage_widths": [32, 64]}, where="test")


def test_a_waveform_has_neither() -> None:
    fields = {key: value for key, value in OWN.items() if key not in ("input_layout", "input_compression")}
    assert spec_from_json({**fields, "audio_frontend": "raw"}, where="test").kind is Frontend.RAW


def test_a_square_input_of_the_other_layout_is_refused() -> None:
    for layout, shape in (("frequency_major", NETWORK), ("time_major", (256, 256, 1))):
        spec = spec_from_json({**OWN, "input_layout": layout}, where="test")
        with pytest.raises(
            InputError, match='try: if the model was trained so: "input_layout": "'
        ) as refused:
            spec.check_input(shape, where="network")
        assert f'"{layout}"' not in str(refused.value.remedies)
        spec.check_input(spec.input_shape)


def test_a_bin_too_many_names_its_key() -> None:
    with pytest.raises(InputError, match='"keep_nyquist": false'):
        spec_from_json(PUBLISHED_0_9, where="test").check_input((256, 256, 1))


def test_the_configuration_of_the_trials_is_refused(shared: Path) -> None:
    path = shared / "data/trials/checkpoints/missing_input_layout_model_config.json"
    with pytest.raises(InputError, match="input_layout is missing, and the network does not show it"):
        read_contract(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input_compresion": "sqrt"}, "did you mean input_compression"),
        ({"Input-Layout": "time_major"}, "did you mean input_layout"),
        ({"audio_frontend": "mel", "fmin": 0}, "fmin is 0"),
        ({"audio_frontend": "librosa", "mel_fmax": 8_000}, "mel_fmax is 8000"),
        ({"keep_nyquist": "false"}, "keep_nyquist is 'false'"),
        ({"spec_width": 256.5}, "spec_width is 256.5"),
        ({"class_names": ["a", "a"]}, "'a' stands there twice, as class_names 1 and 2"),
        ({"class_names": ["a", "b\nc"]}, "without control characters"),
        ({"class_names": ["a", " "]}, "class_names 2 is empty"),
    ],
)
def test_a_key_that_would_be_passed_over_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        contract_from_json({**PUBLISHED_0_9, **change}, where="test")
    same = {"audio_frontend": "mel", "fmin": 150, "fmax": None, "comment": "of no meaning"}
    assert contract_from_json({**PUBLISHED_0_9, **same}, where="test")


def write_configuration(folder: Path, mixer: Mixer | None = None) -> Path:
    """Write the published front end, with 257 bins and 64 bands, and a mixer that it names."""
    mixer = mixer or identity(257, 64)
    save_mixer(folder / FLOAT_FRONT_END_FILE, mixer)
    path = folder / "model_config.json"
    path.write_text(json.dumps({**PUBLISHED_0_9, "float_front_end": FLOAT_FRONT_END_FILE}))
    return path


def identity(bins: int, mels: int, subranges: tuple[float, ...] = ()) -> Mixer:
    none = np.zeros((0, mels), np.float32)
    return Mixer(
        mel=np.eye(bins, mels, dtype=np.float32),
        k0=np.ones(mels),
        k=none,
        w=none,
        b=none,
        subranges=subranges,
    )


@pytest.mark.parametrize(("subranges", "channels"), [((), 1), ((0.5,), 1), ((0.1, 0.5, 1.0), 3)])
def test_a_float_front_end_is_read_from_beside_the_configuration(
    tmp_path: Path, subranges: tuple[float, ...], channels: int
) -> None:
    contract = read_contract(write_configuration(tmp_path, identity(257, 64, subranges)))
    assert contract.frontend.mixer == identity(257, 64, subranges)
    assert contract.frontend.input_shape == (64, 256, channels)
    time_major = replace(contract.frontend, layout=InputLayout.TIME_MAJOR)
    assert time_major.input_shape == (256, 64, channels)
    assert contract_to_json(contract)["float_front_end"] == FLOAT_FRONT_END_FILE
    fields = json.loads(json.dumps(contract_to_json(contract)))
    assert contract_from_json(fields, where="test", folder=tmp_path) == contract


@pytest.mark.parametrize("name", ["", "../mixer.npz", "/mixer.npz", "a/b.npz", "mixer.txt", 7, ["a.npz"]])
def test_a_float_front_end_elsewhere_is_refused(name: object, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="float_front_end is"):
        contract_from_json({**PUBLISHED_0_9, "float_front_end": name}, where="test", folder=tmp_path)


def test_a_float_front_end_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    path = write_configuration(tmp_path, identity(256, 64))
    with pytest.raises(InputError, match=r"float_front_end\.npz: .* 256 bins to 64 bands"):
        read_contract(path)
    (tmp_path / FLOAT_FRONT_END_FILE).unlink()
    with pytest.raises(InputError, match=r"float_front_end\.npz: cannot be read"):
        read_contract(path)
    with pytest.raises(InputError, match="no folder"):
        contract_from_json(json.loads(path.read_text()), where="test")


def test_only_a_spectrogram_has_a_float_front_end() -> None:
    spec = spec_from_json({**PUBLISHED_0_9, "audio_frontend": "mel"}, where="test")
    with pytest.raises(InputError, match="the front end raw has a float part"):
        replace(spec, kind=Frontend.RAW, mixer=identity(257, 64))


def test_bands_of_mel_are_not_mixed_again() -> None:
    spec = spec_from_json({**PUBLISHED_0_9, "audio_frontend": "mel"}, where="test")
    assert replace(spec, mixer=identity(64, 64, subranges=(0.1, 1.0))).input_shape[-1] == 2
    with pytest.raises(InputError, match="mixes 257 bins to 64 bands"):
        replace(spec, mixer=identity(257, 64))
    doubled = replace(identity(64, 64), mel=2 * np.eye(64, dtype=np.float32))
    with pytest.raises(InputError, match="mixes the bands of the front end mel again"):
        replace(spec, mixer=doubled)


@pytest.mark.parametrize("text", ["", "[1]", "{"])
def test_a_file_that_is_no_configuration_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "model_config.json"
    path.write_text(text)
    with pytest.raises(InputError, match=str(path)):
        read_contract(path)
