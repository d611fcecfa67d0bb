#!/usr/bin/env python3
"""Draw docs/images/detect.png: a recording with what ``birdnet-stm32 detect`` finds in it.

The picture in the repository was made from three recordings of the Yellowstone Sound Library of the National
Park Service, which are in the public domain, and with the published model of 100 species:

    scripts/detect_picture.py --model birdnet_stm32n6_100.tflite ROBIN/*.flac GOOSE/*.flac YELLOWTHROAT/*.flac
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "detect.png"
NAME = "20260501_053000.wav"


def main() -> None:
    """Join the recordings, run the command, and keep its picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "recordings", type=Path, nargs="+", help="of one sample rate, in the order of the picture"
    )
    parser.add_argument("--model", type=Path, required=True)
    options = parser.parse_args()
    read = [soundfile.read(path, dtype="int16", always_2d=True) for path in options.recordings]
    (rate_hz,) = {rate for _, rate in read}
    with tempfile.TemporaryDirectory() as folder:
        joined = Path(folder) / NAME
        soundfile.write(joined, np.concatenate([pcm[:, 0] for pcm, _ in read]), rate_hz)
        program = [
            sys.executable,
            "-m",
            "birdnet_stm32",
            "detect",
            str(joined),
            "--model",
            options.model.resolve(),
        ]
        outputs = ["--output", f"{folder}/events", "--plot", f"{folder}/pictures"]
        subprocess.run([*map(str, program), *outputs], check=True)
        shutil.copyfile(Path(folder) / "pictures" / f"{NAME}.png", PICTURE)


if __name__ == "__main__":
    main()
