"""The program in docs/how-to/use-the-generated-c.md compiles, without a warning, against generated C."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.codegen.emit import generate_c
from birdnet_stm32.codegen.self_test_vectors import TestVectors
from birdnet_stm32.files.tree import write_tree
from birdnet_stm32.frontend.contract import Frontend, FrontendSpec, ModelContract, OutputActivation
from birdnet_stm32.tflite.ir import Graph

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "use-the-generated-c.md"
LABELS = ("one", "two", "three", "four")
SPEC = FrontendSpec(
    kind=Frontend.MEL, sample_rate_hz=8_000, window_samples=560, fft_length=64, spec_width=5, num_mels=7
)
FLAGS = (
    "-std=c11 -O2 -ffp-contract=off -Wall -Wextra -Wconversion -Werror -Ibirdnet -Ibirdnet/runtime".split()
)
CROSS = "-mcpu=cortex-m55 -mthumb -mfloat-abi=hard --specs=nano.specs --specs=nosys.specs".split()


@pytest.fixture
def project(small_graph: Graph, tmp_path: Path) -> Path:
    activation = OutputActivation.SIGMOID
    contract = ModelContract(frontend=SPEC, labels=LABELS, output_activation=activation)
    vectors = TestVectors(
        pcm=np.arange(1_120, dtype=np.int16).reshape(2, 560),
        quantized_input=np.arange(-35, 35, dtype=np.int8).reshape(2, 5, 7, 1),
        output=np.arange(8, dtype=np.int8).reshape(2, 4),
    )
    files = generate_c(small_graph, labels=LABELS, contract=contract, vectors=vectors)
    write_tree(tmp_path / "birdnet", files)
    programs = re.findall(r"^```c\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    (tmp_path / "main.c").write_text(programs[0], encoding="utf-8")
    (tmp_path / "events.c").write_text(programs[1], encoding="utf-8")
    return tmp_path


def compile_program(compiler: str, flags: list[str], project: Path) -> Path:
    sources = ["main.c", "events.c", *(str(file) for file in sorted((project / "birdnet").rglob("*.c")))]
    program = project / "listener"
    subprocess.run([compiler, *flags, *sources, "-lm", "-o", str(program)], cwd=project, check=True)
    return program


@pytest.mark.slow
def test_it_prints_every_class_of_every_window(project: Path) -> None:
    program = compile_program("gcc", FLAGS, project)
    printed = subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout
    assert re.findall(r"^window (\d)  \d\.\d{3}  (\w+)$", printed, re.MULTILINE) == [
        (window, label) for window in "01" for label in LABELS
    ]


@pytest.mark.slow
@pytest.mark.emulated
def test_it_links_for_the_cortex_m55(project: Path) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    assert compile_program("arm-none-eabi-gcc", [*FLAGS, *CROSS], project).is_file()
