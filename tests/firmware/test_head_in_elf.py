"""A head is replaced in a firmware, on the emulated core: exact scores, or a refusal."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from elftools.elf.elffile import ELFFile

from birdnet_stm32.boards import folders
from birdnet_stm32.codegen.emit import HeadSplit, generate_c
from birdnet_stm32.codegen.head.file_format import head_bytes, parse_head
from birdnet_stm32.codegen.head.make import cut_model, make_head
from birdnet_stm32.codegen.self_test_vectors import make_test_vectors
from birdnet_stm32.config.detect_table import DetectTable, SpeciesRuleTable
from birdnet_stm32.detect.rules import make_rules
from birdnet_stm32.errors import InputError, ToolError
from birdnet_stm32.firmware import emulator, parity
from birdnet_stm32.firmware.build import build
from birdnet_stm32.firmware.emulation_result import Parity
from birdnet_stm32.firmware.event_parity import check_events
from birdnet_stm32.firmware.head_in_elf import expectation_in_elf, head_in_elf, with_head
from birdnet_stm32.firmware.package import PackageSettings, render_package
from birdnet_stm32.firmware.render import FirmwareSettings, render_project
from birdnet_stm32.frontend import spectrogram
from birdnet_stm32.frontend.contract import Frontend, FrontendSpec, ModelContract, OutputActivation
from birdnet_stm32.quant.head import backbone_output, logit_range, replace_head
from birdnet_stm32.tflite.reader import read_graph

SPEC = FrontendSpec(
    kind=Frontend.HYBRID,
    sample_rate_hz=8_000,
    window_samples=8_000,
    fft_length=256,
    spec_width=32,
    num_mels=16,
)
CONTRACT = ModelContract(
    frontend=SPEC, labels=("one", "two", "three"), output_activation=OutputActivation.LOGIT
)
WIDER = replace(CONTRACT, labels=("one", "two", "three", "Höckerschwan"))
DETECT = DetectTable(
    need=3, species={"Höckerschwan": SpeciesRuleTable(need=1), "two": SpeciesRuleTable(rule="avg")}
)
"""The rule of a species that only another head has waits in the firmware for that head."""
SETTINGS = FirmwareSettings(
    threshold=0.25, top_k=4, title="A head", version="1", thresholds=(0.1, 0.2, 0.3), detect=DETECT
)
BOARD = folders.first("emulator", folders.default_names())

Write = Callable[[Mapping[str, bytes], Path], Path]
Pcm = npt.NDArray[np.int16]


@dataclass(frozen=True, kw_only=True)
class Built:
    """A firmware with a head of its own, its model, and a model with one more class."""

    elf: Path
    model: bytes
    more: bytes
    files: Mapping[str, bytes]


def network(seed: int) -> tuple[bytes, npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return an int8 model, and the float weights of its head."""
    import keras

    from birdnet_stm32.quant.convert import convert

    keras.utils.set_random_seed(seed)
    inputs = keras.Input(SPEC.input_shape)
    mel = keras.layers.Dense(8, activation="relu6")(inputs)
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu6")(mel)
    x = keras.layers.GlobalAveragePooling2D()(x)
    head = keras.layers.Dense(3, bias_initializer="random_normal")
    model = keras.Model(inputs, head(x))
    windows = np.stack([pcm[:8_000] for pcm in recordings().values()])
    tflite = convert(model, spectrogram.features(windows, SPEC))
    kernel, bias = head.get_weights()
    return tflite, kernel, bias


def recordings() -> dict[str, Pcm]:
    time_s = np.arange(12_000) / 8_000
    chirp = (9_000 * np.sin(2 * np.pi * (400 + 700 * time_s) * time_s)).astype(np.int16)
    return {"chirp": chirp, "falling": chirp[::-1].copy()}


def generate(tflite: bytes, contract: ModelContract) -> dict[str, bytes]:
    window = recordings()["chirp"][np.newaxis, :8_000]
    return generate_c(
        read_graph(tflite, where="model.tflite"),
        labels=contract.labels,
        contract=contract,
        vectors=make_test_vectors(window, SPEC, tflite, split_head=True),
        split=HeadSplit(max_classes=6),
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, write: Write) -> Built:
    model, kernel, bias = network(1)
    wider = np.concatenate([kernel, -kernel[:, :1]], axis=1)
    offsets = np.append(bias, np.float32(0.1))
    pooled = backbone_output(
        model, spectrogram.features(np.stack([pcm[:8_000] for pcm in recordings().values()]), SPEC)
    )
    more = replace_head(model, wider, offsets, output_range=logit_range(pooled, wider, offsets))
    folder = tmp_path_factory.mktemp("head")
    files = generate(model, CONTRACT)
    project = write(render_project(BOARD.name, files, SETTINGS), folder / "project")
    return Built(elf=build(project, folder / "build").elf, model=model, more=more, files=files)


def test_the_package_of_a_network_with_a_head_proves_itself(
    built: Built, write: Write, tmp_path: Path
) -> None:
    rules = make_rules(DetectTable(), CONTRACT.labels, SETTINGS.thresholds, SPEC.window_shape)
    settings = PackageSettings(name="head", title="A head", version="1.0.0", model_sha256="0" * 64)
    folder = write(render_package(built.files, CONTRACT, rules, settings), tmp_path)
    for command in (
        "cmake -S . -B build -DCMAKE_C_FLAGS=-Werror",
        "cmake --build build --parallel 2",
        "ctest --test-dir build",
        "build/minimal",
    ):
        done = subprocess.run(command.split(), cwd=folder, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[-1] for line in done.stdout.splitlines()[1:]] == list(CONTRACT.labels)


def head_of(tflite: bytes, contract: ModelContract) -> bytes:
    cut = cut_model(read_graph(tflite, where="model.tflite"), contract.frontend)
    thresholds = [0.01] * len(contract.labels)
    return head_bytes(make_head(cut, names=contract.labels, thresholds=thresholds, version=2))


def run(elf: Path, folder: Path) -> emulator.EmulationRun:
    machine = folders.require(BOARD.emulator, BOARD, "emulator")
    return emulator.run(elf, machine, recordings(), SPEC, work=folder, timeout_s=60, machines=1)


def with_events(
    found: Parity,
    ran: emulator.EmulationRun,
    model: bytes,
    contract: ModelContract,
    *thresholds: float,
) -> Parity:
    """Compare the events too, by the thresholds of the head and the rules of the firmware."""
    rules = make_rules(DETECT, WIDER.labels, (0.5,) * 4, SPEC.window_shape)
    rules = replace(rules, labels=contract.labels, thresholds=thresholds)
    return check_events(found, ran, model, contract, recordings(), rules)


def updated(built: Built, content: bytes, folder: Path) -> Path:
    """Write a head over the one in the flash of a firmware, whatever it is."""
    elf = folder / "updated.elf"
    elf.write_bytes(with_head(built.elf.read_bytes(), content, where=built.elf))
    return elf


def test_the_section_is_the_update_file_at_a_known_address(built: Built) -> None:
    section = ELFFile(io.BytesIO(built.elf.read_bytes())).get_section_by_name(".birdnet_head")
    place = BOARD.head_place
    assert place is not None
    assert section.header.sh_addr == place.address
    expected = expectation_in_elf(built.elf)
    assert section.header.sh_size == expected.section_bytes
    assert section.header.sh_size % 4_096 == 0
    head = head_in_elf(built.elf)
    assert head is not None
    assert section.data().startswith(head)
    # The thresholds are those of the release, and the rest is what codegen generated.
    in_flash, generated = parse_head(head, where="elf"), parse_head(built.files["head.bin"], where="head.bin")
    assert in_flash.thresholds.tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert in_flash.names == generated.names == CONTRACT.labels
    assert np.array_equal(in_flash.weights, generated.weights)


def test_the_built_firmware_equals_the_references(built: Built, tmp_path: Path) -> None:
    ran = run(built.elf, tmp_path / "work")
    found = parity.check(ran, built.model, SPEC, recordings())
    found = with_events(found, ran, built.model, CONTRACT, 0.1, 0.2, 0.3)
    parity.require(found)
    assert found.events_compared > 0
    assert "\nhead 1 3 0x" in ran.console


def test_an_update_gives_the_scores_of_a_full_build(built: Built, tmp_path: Path, write: Write) -> None:
    update = head_of(built.more, WIDER)
    ran = run(updated(built, update, tmp_path), tmp_path / "work")
    found = parity.check(ran, built.more, SPEC, recordings())
    found = with_events(found, ran, built.more, WIDER, *[0.01] * 4)
    parity.require(found)
    assert {one.event.label for one in ran.events} == set(WIDER.labels)
    assert found.outputs_differing == 0
    assert found.outputs_compared == 4 * found.windows > 8
    assert "\nhead 2 4 0x" in ran.console
    assert {one.name for one in ran.detections} == set(WIDER.labels)

    whole = write(
        render_project(BOARD.name, generate(built.more, WIDER), replace(SETTINGS, thresholds=())), tmp_path
    )
    rebuilt = run(build(whole, tmp_path / "build").elf, tmp_path / "rebuilt")
    for one, other in zip(ran.windows, rebuilt.windows, strict=True):
        assert np.array_equal(one.output, other.output)
        assert np.array_equal(one.quantized_input, other.quantized_input)


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("backbone", "made for another backbone"),
        ("erased", "no head in its section"),
        ("damaged", "CRC-32 is wrong"),
        ("format", "format that this firmware does not know"),
        ("classes", "more classes than"),
    ],
)
def test_a_wrong_head_is_refused_and_nothing_runs(
    built: Built, tmp_path: Path, damage: str, why: str
) -> None:
    intact = head_of(built.model, CONTRACT)
    content = {
        "backbone": lambda: head_of(network(2)[0], CONTRACT),
        "erased": lambda: b"\xff" * len(intact),
        "damaged": lambda: intact[:100] + bytes([intact[100] ^ 1]) + intact[101:],
        "format": lambda: intact[:4] + b"\2" + intact[5:],
        "classes": lambda: seven_classes(built),
    }[damage]()
    with pytest.raises(ToolError) as refused:
        run(updated(built, content, tmp_path), tmp_path / "work")
    assert 'error "' in str(refused.value)
    assert why in str(refused.value)
    assert "\nwindow" not in str(refused.value)


def seven_classes(built: Built) -> bytes:
    kernel = np.zeros((8, 7), np.float32)
    contract = replace(CONTRACT, labels=tuple("abcdefg"))
    return head_of(replace_head(built.model, kernel, np.zeros(7, np.float32)), contract)


def test_the_linker_refuses_nothing_else_in_the_region(built: Built) -> None:
    """Nothing but the head lies in its part of the flash, so that erasing it erases nothing else."""
    place = BOARD.head_place
    assert place is not None
    others = [
        section.name
        for section in ELFFile(io.BytesIO(built.elf.read_bytes())).iter_sections()
        if section.header.sh_flags & 2
        and place.address <= section.header.sh_addr < place.address + place.length_bytes
    ]
    assert others == [".birdnet_head"]


def test_what_has_no_head_of_its_own_is_refused(built: Built, tmp_path: Path) -> None:
    other = tmp_path / "other.elf"
    other.write_bytes(b"no elf")
    with pytest.raises(InputError, match="ELF"):
        expectation_in_elf(other)
    with pytest.raises(InputError, match="at most"):
        with_head(built.elf.read_bytes(), bytes(10_000), where=built.elf)


def test_a_board_for_the_flash_keeps_its_head_out_of_the_program(
    built: Built, tmp_path: Path, write: Write
) -> None:
    board = folders.first("flash", folders.default_names())
    project = write(render_project(board.name, built.files, SETTINGS), tmp_path / "project")
    result = build(project, tmp_path / "build")
    flash = folders.require(board.flash, board, "flash")
    assert result.bin is not None
    assert result.bin.stat().st_size < 2**20
    head = head_in_elf(result.elf)
    assert head is not None
    assert head not in result.bin.read_bytes()
    section = ELFFile(io.BytesIO(result.elf.read_bytes())).get_section_by_name(".birdnet_head")
    assert section.header.sh_addr == flash.head_place.address
    assert flash.head_place.address % flash.sector_bytes == 0


def test_a_head_that_is_too_large_for_the_board_is_refused(built: Built) -> None:
    graph = read_graph(built.model, where="model.tflite")
    files = generate_c(graph, labels=CONTRACT.labels, contract=CONTRACT, split=HeadSplit(max_classes=2_000))
    with pytest.raises(InputError, match="2000 classes"):
        render_project(BOARD.name, files, SETTINGS)
