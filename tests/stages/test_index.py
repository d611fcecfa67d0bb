from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from birdnet_stm32.audio.windows.cut_windows import split_windows
from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.config.variant import Variant
from birdnet_stm32.engine.release import Release
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.errors import InputError
from birdnet_stm32.stages import index
from birdnet_stm32.stages.inputs.index import read_index

RATE_HZ = 8_000


@pytest.fixture
def birds(tmp_path: Path) -> Path:
    """Two classes with stereo recordings; half of the first lost their length in a power cut."""
    rng = np.random.default_rng(0)
    for label, count in (("Parus major", 8), ("Strix aluco", 8)):
        for number in range(count):
            path = tmp_path / "recordings" / label / f"{number}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            song = rng.normal(0, 0.1, 4 * RATE_HZ)
            soundfile.write(path, np.stack([song, 0.5 * song[::-1]], 1), RATE_HZ)
            if label == "Parus major" and number % 2:
                content = bytearray(path.read_bytes())
                content[40:44] = bytes(4)
                path.write_bytes(content)
    return tmp_path


def run(root: Path, name: str, **keys: object) -> tuple[Outcome, Path]:
    fields = {
        "variant": {"title": "Small"},
        "index": {"root": "recordings", **keys},
        "model": {"sample_rate_hz": RATE_HZ, "window_s": 0.5},
        "representative": {"calibration_windows": 32, "validation_windows": 16},
    }
    variant = Variant.model_validate_json(json.dumps(fields), strict=True)
    release = Release(name="v", path=root / "v.toml", build=root / "build", variant=variant)
    out = root / name
    out.mkdir()
    job = Job(release=release, inputs={}, files={}, out=out, previous=root / "mix")
    return index.run(job), out


def test_what_was_repaired_is_counted_and_listed(birds):
    outcome, out = run(birds, "mix")
    assert (
        "16 recordings of 2 classes, 4 of them to test, 4 repaired or cut: see repaired.tsv"
        in outcome.summary
    )
    header, *lines = (out / "repaired.tsv").read_text(encoding="utf-8").splitlines()
    assert header == "path\tnote"
    assert [line.split("\t")[0] for line in lines] == [f"Parus major/{number}.wav" for number in (1, 3, 5, 7)]
    assert all("length missing in the header: read to the end of the file, 4.000 s" in line for line in lines)


def test_the_chosen_channel_is_measured_and_cut(birds):
    """What was measured of the mix is not taken for the channel's, and windows come from the channel."""
    run(birds, "mix")
    levels, power = {}, {}
    for name, keys in (("one", {"channel": 1}), ("two", {"channel": 2}), ("both", {})):
        _, out = run(birds, name, **keys)
        rows = read_index(out)
        windows = split_windows(
            rows,
            birds / "recordings",
            "train",
            WindowShape(sample_rate_hz=RATE_HZ, window_samples=4_000, hop_samples=4_000),
        )
        levels[name] = np.array([row.rms_db for row in rows])
        power[name] = np.mean(windows.pcm.astype(float) ** 2)
    assert np.abs(levels["one"] - levels["two"] - 6.02).max() < 0.05
    assert (levels["both"] < levels["one"]).all()
    assert power["one"] / power["two"] == pytest.approx(4, rel=0.05)
    with pytest.raises(InputError, match="has 2 channels, channel 3 is asked for"):
        run(birds, "three", channel=3)
