"""What the stages publish, by name.

The names stand apart from the code that writes the files: a stage that reads another's file must not become
stale with every change of the other's code, which its import closure would make it.
"""

FLOAT_MODEL = "model.keras"
COVERAGE = "classes.parquet"
CLASSES = "classes.tsv"
CONFIG = "model_config.json"
LABELS = "labels.txt"
LEARNED_FROM = "model_learned_from.tsv"
CANDIDATE = "candidate.tflite"
DESCRIPTION = "candidate.json"
MODEL = "model.tflite"
SCORES = "scores.npz"
LAYERS = "layers.json"
C_FOLDER = "c"
NPU_FOLDER = "npu"
NPU_GATES = "gates.json"
NPU_BOARD = "stm32n6570_dk"
NPU_FIRMWARE = "npu.json"
NPU_FIRMWARE_FOLDER = "firmware"
NPU_LICENCES = "licences"
NPU_PROJECT = "project"
TOOLCHAIN_LICENCES = "licences"
IMAGE_BOARD = "stm32n6570_dk"
MODEL_DIGESTS = "models.json"
REPORT = "report.html"
