"""A report with every section, and the files of a small bundle."""

from __future__ import annotations

import numpy as np
import pytest

from birdnet_stm32.audio.windows.class_coverage import ClassCoverage
from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.codegen.network_document import (
    GeneratedOperator,
    NetworkDocument,
    NetworkOutput,
    NetworkPort,
    PlannedArena,
    PlannedTensor,
)
from birdnet_stm32.evaluate.accuracy_document import (
    Confusion,
    Estimate,
    EvaluateDocument,
    FormAccuracy,
    LeftOut,
    Mistake,
    OperatingPoint,
    ReliabilityBin,
    SpeciesAccuracy,
)
from birdnet_stm32.evaluate.thresholds_document import SpeciesThreshold, ThresholdsDocument
from birdnet_stm32.firmware.emulation_result import Parity, parity_gates
from birdnet_stm32.firmware.memory_use import MemoryUse, RegionUse
from birdnet_stm32.gates import Direction, judge
from birdnet_stm32.model.training.history import EpochReport, HistoryDocument
from birdnet_stm32.npu.analyze import analyze
from birdnet_stm32.npu.lint.check import lint
from birdnet_stm32.npu.stedgeai.compilation import Compilation, Epoch, MemoryPool, NetworkBuffer, ToolVersion
from birdnet_stm32.quant.sensitivity.layer_report import GroupReport, LayerReport, TensorReport
from birdnet_stm32.quant.verify import Agreement
from birdnet_stm32.release.bundle import BundleFile
from birdnet_stm32.release.credits import Credit, Uncredited
from birdnet_stm32.release.facts import Badge, BadgeState, Fact
from birdnet_stm32.release.manifest import Role
from birdnet_stm32.release.mistake_clips import Pcm, mistake_clips
from birdnet_stm32.release.report_data import (
    ClassRecordings,
    EmulatedBoard,
    ReportData,
    Score,
    StageFacts,
    Verification,
    WindowPicture,
)
from birdnet_stm32.tflite.ir import Graph, Operator, Quantization, Tensor


def small_graph() -> Graph:
    quantization = Quantization(scales=(0.1,), zero_points=(0,), axis=0)
    weights = np.zeros((13, 32), np.int8)
    tensors = (
        Tensor(index=0, name="input", shape=(1, 32), dtype="int8", quantization=quantization),
        Tensor(index=1, name="w", shape=weights.shape, dtype="int8", quantization=quantization, data=weights),
        Tensor(index=2, name="dense", shape=(1, 13), dtype="int8", quantization=quantization),
        Tensor(index=3, name="output", shape=(1, 13), dtype="float32"),
    )
    operators = (
        Operator(index=0, name="FULLY_CONNECTED", inputs=(0, 1, -1), outputs=(2,)),
        Operator(index=1, name="DEQUANTIZE", inputs=(2,), outputs=(3,)),
    )
    return Graph(tensors=tensors, operators=operators, inputs=(0,), outputs=(3,))


def small_compilation(label: str) -> Compilation:
    quantized = {"dtype": "int8", "scale": 0.1, "zero_point": 0, "channels_last": None}
    return Compilation(
        tool=ToolVersion(major=4, minor=0, patch=1, build=20_581, commit="7ed50de05"),
        symbol="network",
        has_stai=True,
        runtime_version=(1, 1, 3, 275),
        epochs=(
            Epoch(index=1, kind="hardware", operators=("Conv", "Add"), cycles=12_345),
            Epoch(index=2, kind="software", operators=(label,), cycles=None),
        ),
        pools=(
            MemoryPool(name="npuRAM5", address=0x342E_0000, size_bytes=458_752, used_bytes=20_480),
            MemoryPool(name="octoFlash", address=0x7040_0000, size_bytes=None, used_bytes=416),
            MemoryPool(name="npuRAM6", address=0x3435_0000, size_bytes=458_752, used_bytes=0),
        ),
        weights_file="network_atonbuf.xSPI2.raw",
        weights_address=0x7040_0000,
        weights_bytes=416,
        cycles=12_345,
        inputs=(NetworkBuffer(name=label, shape=(1, 32), size_bytes=32, **quantized),),
        outputs=(NetworkBuffer(name=label, shape=(1, 13), size_bytes=13, **quantized),),
        files={},
    )


def small_network(label: str) -> NetworkDocument:
    port = {"name": label, "shape": (1, 32), "elements": 32, "scale": 0.1, "zero_point": 0}
    tensor = PlannedTensor(
        tensor=0, name=label, shape=(1, 32), offset_bytes=0, size_bytes=4096, first=-1, last=0
    )
    operator = GeneratedOperator(
        layer="layer_0",
        operator="FULLY_CONNECTED",
        index=0,
        kernel="birdnet_fully_connected",
        name=label,
        inputs=((1, 32),),
        output=(1, 13),
        macs=416,
        constant_bytes=468,
    )
    return NetworkDocument(
        format=1,
        digest="0" * 16,
        input=NetworkPort(**port),
        output=NetworkOutput(**port, is_logit=True, labels=(label,)),
        macs=416,
        constant_bytes=468,
        arena=PlannedArena(size_bytes=4096, alignment_bytes=16, workspace_bytes=1024, tensors=(tensor,)),
        operators=(operator,),
        sha256={},
    )


SHAPE = WindowShape(sample_rate_hz=24_000, window_samples=60_000, hop_samples=30_000)


def around(value: float, spread: float = 0.1) -> Estimate:
    return Estimate(value=value, low=max(0.0, value - spread), high=min(1.0, value + spread))


def form_accuracy(form: str, labels: tuple[str, ...], *, loss: float = 0.0) -> FormAccuracy:
    """Make the accuracy of a form; the last species is in two recordings only, and none of it is found."""
    species = tuple(
        SpeciesAccuracy(
            label=label,
            recordings=2 if number == len(labels) - 1 else 9 + number,
            files=2 if number == len(labels) - 1 else 12 + number,
            calls=4 if number == len(labels) - 1 else 21 + number,
            threshold=0.5 + number / 100,
            recall=Estimate(value=0.0, low=0.0, high=0.6)
            if number == len(labels) - 1
            else around(0.9 - 0.05 * number - loss),
            precision=None if number == len(labels) - 1 else around(0.8 - loss),
            false_alarms_per_hour=Estimate(value=0.3 * number, low=0.0, high=1.1 + number),
            average_precision=around(0.85 - 0.03 * number - loss),
            roc_auc=0.95,
        )
        for number, label in enumerate(labels)
    )
    steps = np.linspace(0.99, 0.01, 50)
    return FormAccuracy(
        form=form,
        windows=1_234,
        class_mean_average_precision=around(0.602 - loss),
        mean_average_precision=around(0.554 - loss),
        roc_auc=0.941,
        top1=None,
        recall=Estimate(value=0.58 - loss, low=0.42, high=0.71),
        overall_recall=Estimate(value=0.61 - loss, low=0.48, high=0.73),
        precision=around(0.71 - loss, 0.35),
        false_alarms_per_hour=Estimate(value=1.23, low=0.4, high=3.1),
        false_alarm_runs_per_hour=Estimate(value=0.9, low=0.3, high=2.4),
        species=species,
        curve=tuple(
            OperatingPoint(
                threshold=float(step),
                recall=float(1 - step**0.7) * (1 - loss),
                false_alarms_per_hour=0.0 if step > 0.95 else float(900 * (1 - step) ** 4),
            )
            for step in steps
        ),
        reliability=tuple(
            ReliabilityBin(
                low=low / 10,
                high=(low + 1) / 10,
                pairs=900 // (1 + low * low),
                predicted=(low + 0.5) / 10,
                observed=((low + 0.5) / 10) ** 1.6,
            )
            for low in range(10)
        ),
    )


def accuracy(*labels: str) -> EvaluateDocument:
    """Make a document with every part, about species with these names."""
    count = len(labels) + 1
    return EvaluateDocument(
        source="test split",
        unit="call",
        statements=(
            f"Finds 61 % of the calls of these {len(labels)} species with 1.2 false alarms an hour "
            "(9 recordings a species: between 48 and 73 %).",
            f"It hears {labels[-1]} worst.",
        ),
        advice=(f"Give more recordings of {labels[-1]}: there are 2.",),
        files=31,
        recordings=29,
        windows=1_234,
        hours=1.52,
        pooling="max",
        learned=0,
        learned_unknown=False,
        forms=(
            form_accuracy("float", labels),
            form_accuracy("int8", labels, loss=0.02),
            form_accuracy("firmware", labels, loss=0.02),
        ),
        confusion=Confusion(
            labels=(*labels, "background"),
            counts=tuple(
                tuple(7 if row == column else int((row + 2 * column) % 5 == 0) for column in range(count))
                for row in range(count)
            ),
        ),
        mistakes=tuple(
            Mistake(
                kind="false alarm" if number % 2 else "miss",
                label=label,
                path=f"{label}/XC{number}.ogg",
                start_s=1.25 * number,
                end_s=1.25 * number + 2.5,
                probability=0.9 - number / 10 if number % 2 else number / 50,
                truth=(labels[0],) if number < 3 else (),
            )
            for label in labels
            for number in range(6)
        ),
        missing=(f"{labels[0]} minor",),
        int8_loss=Estimate(value=0.02, low=-0.004, high=0.05),
        left_out=(LeftOut(reason=f"of {labels[0]}, too short", count=3),),
    )


def thresholds(*labels: str) -> ThresholdsDocument:
    return ThresholdsDocument(
        aim="a precision of 0.9",
        hours=2.0,
        species=tuple(
            SpeciesThreshold(
                label=label,
                threshold=0.5 + number / 100,
                recordings=0 if number else 7,
                expected_recall=None if number else around(0.7),
                expected_precision=None if number else around(0.9),
                expected_false_alarms_per_hour=None if number else Estimate(value=0.4, low=0.1, high=2.0),
                why=f"too few recordings of {label}" if number else "the least threshold that reaches it",
            )
            for number, label in enumerate(labels)
        ),
    )


def pcm_of(path: str, first: int, end: int) -> Pcm:
    """Return a rising whistle in noise, the same for the same part of a recording."""
    time_s = np.arange(first, end) / SHAPE.sample_rate_hz
    noise = np.random.default_rng(first + len(path)).normal(0, 0.02, end - first)
    whistle = 0.2 * np.sin(2 * np.pi * (2_000 + 400 * (time_s % 2.5)) * time_s) * (time_s % 0.8 < 0.5)
    return ((noise + whistle) * 32_767).astype(np.int16)


EMULATED = Parity(
    windows=40,
    inputs_differing=0,
    outputs_compared=520,
    outputs_differing=0,
    front_end_max_relative_error=3e-7,
    stage_max_relative_errors={},
    first_difference=None,
)


def report(label: str = "Parus major_Great Tit") -> ReportData:
    """Build the whole report with ``label`` wherever a text comes from files or folders."""
    rng = np.random.default_rng(5)
    truth = rng.beta(0.2, 2.0, (40, 13))
    measured = Agreement(
        windows=40,
        cosine_mean=0.98,
        cosine_p05=0.93,
        top1_agreement=0.95,
        bias=1e-4,
        mae=3e-3,
        jaccard_025=0.9,
        jaccard_050=0.8,
    )
    return ReportData(
        title=label,
        version="1.2.3",
        variant="demo",
        backend="portable",
        badges=(
            Badge(statement="Quantization gate", state=BadgeState.PASSED, detail="cosine mean 0.9800"),
            Badge(statement="Emulated parity", state=BadgeState.FAILED, detail=label),
            Badge(statement="On hardware", state=BadgeState.NOT_RUN, detail="no board"),
        ),
        gates=(
            judge("cosine_mean", "mean cosine", 0.98, Direction.AT_LEAST, 0.95),
            judge("ports", "ports", 0, Direction.AT_MOST, 0, detail=label),
            judge("hyperram", "hyperram", 64, Direction.AT_MOST, 0, detail="64 bytes", waiver=label),
            judge("runtime-version", "runtime", None, Direction.AT_MOST, 0, detail="no runtime"),
        ),
        headline=(Fact(name="classes", value="13"),),
        accuracy=accuracy(label, "Turdus merula_Blackbird", "Corvus corax_Raven"),
        thresholds=thresholds(label, "Turdus merula_Blackbird"),
        mistakes=mistake_clips(
            accuracy(label, "Corvus corax_Raven").mistakes, pcm_of, SHAPE, most_of_a_kind=1
        ),
        stages=(StageFacts(stage="index", summary=label, facts=(Fact(name="recordings", value="40"),)),),
        windows=(
            WindowPicture(
                label=label,
                recording=label,
                start_s=1.5,
                duration_s=3.0,
                max_frequency_hz=12_000.0,
                spectrogram=rng.random((64, 48)),
                cosine=0.97,
                scores=(Score(label=label, float_probability=0.9, int8_probability=0.8),),
            ),
        ),
        verification=Verification(
            cosines=rng.uniform(0.9, 1.0, 40),
            float_probabilities=truth,
            int8_probabilities=np.clip(truth + 0.01, 0, 1),
            gates=(
                judge("cosine_mean", "mean cosine", 0.98, Direction.AT_LEAST, 0.95),
                judge("cosine_p05", "5th percentile", 0.89, Direction.AT_LEAST, 0.90),
            ),
            all_windows=measured,
            confident=None,
        ),
        layers=LayerReport(
            windows=40,
            cosine_mean=0.98,
            baseline=0.98,
            weights_gain=-0.0001,
            groups=(
                GroupReport(name=label, tensors=(label,), gain=0.004, gain_error=0.001, gain_up_to=0.005),
            ),
            tensors=(
                TensorReport(
                    name=label,
                    operator="CONV_2D",
                    position=1,
                    low=-1.0,
                    high=1.0,
                    group=label,
                    snr_db=20.0,
                    cosine=0.99,
                    bias=-0.01,
                    saturation=0.005,
                    codes=0.5,
                    gain=0.004,
                    gain_error=0.001,
                ),
            ),
        ),
        emulations=(
            EmulatedBoard(
                board="mps3_an547", core="Cortex-M55", result=EMULATED, gates=parity_gates(EMULATED)
            ),
        ),
        analysis=analyze(small_graph()),
        findings=lint(small_graph(), {"float-boundary": label}),
        compiled=small_compilation(label),
        network=small_network(label),
        memories={
            "mps3_an547": MemoryUse(
                regions=(
                    RegionUse(name=label, used_bytes=100, length_bytes=1000),
                    RegionUse(name="RAM", used_bytes=2000, length_bytes=1000),
                ),
                sections=(),
            ),
        },
        training=HistoryDocument(
            best_epoch=2,
            epochs=tuple(
                EpochReport(
                    epoch=number,
                    learning_rate=0.01,
                    loss=0.9 / number,
                    validation_loss=1.0 / number,
                    validation_accuracy=0.5,
                )
                for number in (1, 2)
            ),
        ),
        recordings=(
            ClassRecordings(
                label=label,
                usable=7,
                unusable=((label, 2),),
                background=True,
                tested=1_111,
                coverage=ClassCoverage(
                    label=label,
                    background=True,
                    train_recordings=4,
                    train_windows=4_321,
                    calibration_recordings=3,
                    calibration_windows=30,
                    held_out_recordings=0,
                    held_out_windows=0,
                    validation_recordings=1,
                    validation_windows=9,
                ),
            ),
            ClassRecordings(label="in no folder", usable=0, unusable=((label, 1),)),
        ),
        recording_notes=(f"taken for background: {label}",),
        uncredited=Uncredited(recordings=(label, "owl/2.wav"), compiled=(label,), strays=(label,)),
        unproven=("Nothing ran on silicon.", label),
        provenance=(Fact(name="model.tflite", value=label),),
        credits=(
            Credit(work=label, authors=label, licence="MIT", use="songs", source="https://example.org"),
        ),
    )


@pytest.fixture
def files() -> tuple[BundleFile, ...]:
    return (
        BundleFile(path="model/model.tflite", source=b"TFL3" * 1000, role=Role.MODEL),
        BundleFile(path="LICENSES/pykanto-0.1.8.txt", source=b"MIT\n", role=Role.LICENCE),
        BundleFile(path="CREDITS", source=b"thanks\n", role=Role.LICENCE),
        BundleFile(path="README.txt", source=b"read me\n", role=Role.DOCUMENT),
        BundleFile(path="c/empty.h", source=b"", role=Role.SOURCE),
    )


@pytest.fixture(scope="session")
def network() -> NetworkDocument:
    return small_network("network")


@pytest.fixture(scope="session")
def make_accuracy() -> object:
    """The function :func:`accuracy`."""
    return accuracy


@pytest.fixture(scope="session")
def make_thresholds() -> object:
    """The function :func:`thresholds`."""
    return thresholds


@pytest.fixture(scope="session")
def read_pcm() -> object:
    """The function :func:`pcm_of`."""
    return pcm_of


@pytest.fixture(scope="session")
def make_report() -> object:
    """The function :func:`report`."""
    return report
