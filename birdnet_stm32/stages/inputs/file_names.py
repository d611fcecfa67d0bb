"""Names of the files and folders that stages publish.

The names are apart from the code that writes the files. A stage becomes stale when a module that it imports
changes; a stage that reads a file must not become stale with every change of the stage that writes it.
"""

from collections.abc import Sequence

FLOAT_MODEL = "model.keras"
COVERAGE = "classes.parquet"
CLASSES = "classes.tsv"
CONFIG = "model_config.json"
LABELS = "labels.txt"
HELD_OUT_SCORES = "held_out_scores.npy"
LEARNED_FROM = "model_learned_from.tsv"
CANDIDATE = "candidate.tflite"
MODEL = "model.tflite"
SCORES = "scores.npz"
FOLD_SCORES = "scores.npz"
TEST_OUTPUTS = "test_outputs.npz"
C_FOLDER = "c"
NPU_FOLDER = "npu"
NPU_FIRMWARE_FOLDER = "firmware"
NPU_LICENCES = "licences"
NPU_PROJECT = "project"
TOOLCHAIN_LICENCES = "licences"
CONSOLE = "console.txt"
REPORT = "report.html"

START = "model to start from"
START_CONFIG = "configuration of the model to start from"
START_TEACHERS = "teachers of the model to start from"
TEACHERS = "teachers that it learned from"
START_LEARNED = "recordings that the model to start from learned from"


def emulation_folder(board: str, emulated: Sequence[str]) -> str:
    """Return the subfolder in which the stage emulate keeps the result of one board.

    Args:
        board: name of an emulated board.
        emulated: names of all emulated boards, in the order of the variant. The result of the first one is
            in the folder of the stage itself.
    """
    return "" if board == emulated[0] else board
