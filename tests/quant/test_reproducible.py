"""The same seed gives the same bytes, whichever process trains."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from birdnet_stm32.frontend.contract import Frontend, FrontendSpec, ModelContract, OutputActivation
from birdnet_stm32.model.architecture import dscnn
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.quant.recipes import RecipeSettings, make_candidate

spec = FrontendSpec(
    kind=Frontend.HYBRID,
    sample_rate_hz=16_000,
    window_samples=8_000,
    fft_length=512,
    spec_width=64,
    num_mels=32,
)
contract = ModelContract(
    frontend=spec, labels=("a", "b"), output_activation=OutputActivation.LOGIT, alpha=0.25, embedding_size=32
)
rng = np.random.default_rng(0)
pcm = (rng.normal(size=(12, 8_000)) * rng.uniform(50, 3_000, (12, 1))).astype(np.int16)
settings = RecipeSettings(epochs=2, learning_rate=1e-3, batch_size=8, seed=3)
candidate = make_candidate("qat", dscnn.build_dscnn(contract, seed=2), contract, pcm[:8], pcm[8:], settings)
out = Path(sys.argv[1])
out.mkdir()
(out / "candidate.tflite").write_bytes(candidate.tflite)
checkpoint.save(candidate.model, out / "model.keras")
(out / "best").write_text(str([epoch["number"] for epoch in candidate.notes["qat"] if epoch["best"]]))
"""


@pytest.mark.slow
def test_tuning_twice_gives_the_same_files(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "other"]
    runs = [
        subprocess.Popen([sys.executable, "-c", PROGRAM, str(folder)], stderr=subprocess.PIPE, text=True)
        for folder in folders
    ]
    for run in runs:
        _, errors = run.communicate(timeout=600)
        assert run.returncode == 0, errors
    one, other = folders
    names = sorted(path.name for path in one.iterdir())
    assert names == ["best", "candidate.tflite", "model.keras"]
    for name in names:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    assert (one / "best").read_text() != "[0]"  # an epoch was kept, not the network that tuning began with
