"""Networks of other stages, widths and kernels: clean for the NPU, and equal to the reference bit by bit.

The inputs have their real sizes, because the maps of the last stages are the smallest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from birdnet_stm32.boards import folders
from birdnet_stm32.codegen.emit import generate_c
from birdnet_stm32.config.variant import ModelTable
from birdnet_stm32.firmware.profile import profile
from birdnet_stm32.npu.lint.check import lint
from birdnet_stm32.npu.lint.text import findings_summary
from birdnet_stm32.stages.inputs.float_model import contract_to_train
from birdnet_stm32.tflite import interpreter
from birdnet_stm32.tflite.reader import read_graph

pytestmark = [
    pytest.mark.slow,
    # Keras's convert_to_numpy on a TensorFlow variable under NumPy 2.
    pytest.mark.filterwarnings(
        "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
    ),
]

Int8 = npt.NDArray[np.int8]
WINDOWS = 3
LABELS = ("one", "two", "three")
KEYS: dict[str, dict[str, Any]] = {
    "5x5 in stages 2 to 4": {"alpha": 0.25, "depthwise_kernels": (3, 5, 5, 5)},
    "5x5 everywhere, odd widths and depths": {
        "alpha": 0.3,
        "depthwise_kernels": (5, 5, 5, 5),
        "stage_widths": (24, 40, 72, 104),
        "stage_depths": (1, 2, 1, 3),
        "embedding_size": 104,
    },
    "448 frames of a mel spectrogram": {
        "frontend": "mel",
        "alpha": 0.25,
        "spec_width": 448,
        "num_mels": 40,
        "depthwise_kernels": (3, 3, 5, 5),
    },
    "384 frames of a waveform": {
        "frontend": "raw",
        "alpha": 0.25,
        "spec_width": 384,
        "num_mels": 32,
        "depthwise_kernels": (5, 3, 5, 3),
        "stage_depths": (1, 1, 1, 1),
    },
    "frequency-major": {
        "alpha": 0.25,
        "layout": "frequency_major",
        "depthwise_kernels": (3, 5, 5, 5),
        "stage_depths": (1, 1, 1, 2),
    },
    "wide and shallow, a large embedding": {
        "alpha": 2.0,
        "spec_width": 384,
        "num_mels": 32,
        "depthwise_kernels": (3, 5, 5, 5),
        "stage_depths": (1, 1, 1, 1),
        "embedding_size": 1_024,
    },
}


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
def test_an_architecture_is_clean_and_equals_the_reference(
    keys: dict[str, Any], run_network: Callable[[Mapping[str, bytes], Int8], Int8]
) -> None:
    from birdnet_stm32.quant.untrained import untrained_model

    contract = contract_to_train(ModelTable(**keys), LABELS)
    model = untrained_model(contract, seed=3)
    graph = read_graph(model.tflite, where="untrained")
    found = lint(graph)
    assert findings_summary(found).startswith("clean"), [one.rule.id for one in found]
    rng = np.random.default_rng(4)
    windows = rng.integers(-128, 128, (WINDOWS, *contract.frontend.input_shape)).astype(np.int8)
    windows[0] = -128
    expected = interpreter.run_from_int8(model.tflite, windows)
    assert len(np.unique(expected, axis=0)) > 1
    files = generate_c(graph, labels=LABELS, contract=contract)
    assert np.array_equal(run_network(files, windows), expected.reshape(WINDOWS, -1))


@pytest.mark.emulated
def test_wide_depthwise_kernels_are_fast(tmp_path: Path) -> None:
    """A kernel for any window would take 2.5 instructions for each multiply-accumulate."""
    from birdnet_stm32.quant.untrained import untrained_model

    contract = contract_to_train(ModelTable(alpha=0.25, depthwise_kernels=(3, 5, 5, 5)), LABELS)
    graph = read_graph(untrained_model(contract).tflite, where="untrained")
    found = profile(graph, folders.find("mps3_an547"), work=tmp_path, timeout_s=300)
    depthwise = [one for one in found.operators if one.kernel == "birdnet_depthwise_conv2d"]
    wide = depthwise[2:]  # after stage 1
    assert len(wide) == 9
    assert sum(one.instructions for one in wide) < 1.5 * sum(one.macs for one in wide)
