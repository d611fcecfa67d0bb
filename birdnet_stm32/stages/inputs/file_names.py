"""What the stages publish, by name.

The names stand apart from the code that writes the files: a stage that reads another's file must not become
stale with every change of the other's code, which its import closure would make it.
"""

from collections.abc import Sequence

FLOAT_MODEL = "model.keras"
COVERAGE = "classes.parquet"
CLASSES = "classes.tsv"
CONFIG = "model_config.json"
LABELS = "labels.txt"
LEARNED_FROM = "model_learned_from.tsv"
CANDIDATE = "candidate.tflite"
MODEL = "model.tflite"
SCORES = "scores.npz"
C_FOLDER = "c"
NPU_FOLDER = "npu"
NPU_FIRMWARE_FOLDER = "firmware"
NPU_LICENCES = "licences"
NPU_PROJECT = "project"
TOOLCHAIN_LICENCES = "licences"
CONSOLE = "console.txt"
REPORT = "report.html"


def emulation_folder(board: str, emulated: Sequence[str]) -> str:
    """Return where the stage emulate keeps what one board computed, below its own folder.

    Args:
        board: one of those emulated.
        emulated: all of them, in the variant's order. What the first one computed lies at the top.
    """
    return "" if board == emulated[0] else board
