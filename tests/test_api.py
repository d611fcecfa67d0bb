"""The public interface: the example of its page runs, and errors say what is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from birdnet_stm32 import api
from birdnet_stm32.files.json_file import canonical_json
from birdnet_stm32.frontend.contract import contract_to_json

PAGE = Path(__file__).resolve().parents[1] / "docs/reference/python.md"
RATE_HZ = 8_000

# Of Keras's convert_to_numpy on a TensorFlow variable under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def contract() -> api.ModelContract:
    return api.ModelContract(
        frontend=api.FrontendSpec(
            kind=api.Frontend.HYBRID,
            sample_rate_hz=RATE_HZ,
            window_samples=4_000,
            fft_length=256,
            spec_width=32,
            num_mels=16,
        ),
        labels=("owl", "tit"),
        output_activation=api.OutputActivation.LOGIT,
        alpha=0.25,
        embedding_size=64,
    )


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Two seconds of a rising tone in noise."""
    rng = np.random.default_rng(1)
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    audio = 0.3 * np.sin(2 * np.pi * (500 + 600 * time_s) * time_s) + 0.05 * rng.normal(size=len(time_s))
    soundfile.write(tmp_path / "owl.wav", audio.astype(np.float32), RATE_HZ, subtype="PCM_16")
    return tmp_path / "owl.wav"


def test_the_example_of_the_page_runs(
    contract: api.ModelContract,
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from birdnet_stm32.model.architecture.dscnn import build_dscnn
    from birdnet_stm32.model.checkpoints import checkpoint

    checkpoint.save(build_dscnn(contract, seed=1), tmp_path / "owls.keras")
    (tmp_path / "owls_model_config.json").write_text(canonical_json(contract_to_json(contract)))
    monkeypatch.chdir(tmp_path)
    example = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    assert len(example[1].splitlines()) <= 12
    exec(example[1], {})  # noqa: S102 - it is the page's own example
    printed = re.fullmatch(r"mean cosine (\d\.\d{3})\n", capsys.readouterr().out)
    assert printed is not None
    assert float(printed[1]) > 0.9
    assert (tmp_path / "c/birdnet_network.c").stat().st_size > 1_000


def test_every_public_name_exists_once_and_is_described() -> None:
    assert sorted(set(api.__all__)) == api.__all__
    assert all(getattr(api, name).__doc__ for name in api.__all__)


def test_windows_overlap_by_half_and_reach_the_end(contract: api.ModelContract, recording: Path) -> None:
    pcm = api.read_recording(recording, contract)
    windows = api.cut_windows(pcm, contract)
    assert (pcm.dtype, pcm.shape) == (np.int16, (16_000,))
    assert windows.shape == (7, 4_000)
    np.testing.assert_array_equal(windows[1], pcm[2_000:6_000])
    np.testing.assert_array_equal(windows[-1], pcm[-4_000:])


def test_what_cannot_be_used_is_refused(contract: api.ModelContract, tmp_path: Path) -> None:
    with pytest.raises(api.InputError, match=r"gone\.wav: there is no such file"):
        api.read_recording(tmp_path / "gone.wav", contract)
    windows = np.zeros((2, 4_000), np.int16)
    with pytest.raises(api.InputError, match="there is no recipe 'magic'"):
        api.convert(None, contract, windows, recipe="magic")
    with pytest.raises(api.InputError, match="the recipe qat needs held_out"):
        api.convert(None, contract, windows, recipe="qat")
    with pytest.raises(api.InputError):
        api.generate_c(b"no model", replace(contract, labels=("owl",)))


def test_importing_it_leaves_tensorflow_alone() -> None:
    script = "import sys, birdnet_stm32.api; print(sorted({'tensorflow', 'keras'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
