"""The pipeline as data: every stage, the stages that it needs, and the keys of the variant that it reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from birdnet_stm32 import paths
from birdnet_stm32.boards import folders
from birdnet_stm32.config.variant import Variant
from birdnet_stm32.engine.release import Release
from birdnet_stm32.engine.stage import ExternalProgram, Stage
from birdnet_stm32.stages.inputs import recordings
from birdnet_stm32.stages.inputs.outside_files import (
    board_descriptions,
    checkpoint_files,
    checkpoint_teachers,
    learned_from_files,
    start_files,
    stedgeai_files,
    teacher_files,
    trains,
    vendor_files,
    window_files,
)

_CROSS_GCC = ExternalProgram(name="arm-none-eabi-gcc", package="gcc-arm-none-eabi libnewlib-arm-none-eabi")
_CMAKE = ExternalProgram(name="cmake", package="cmake")
_QEMU = ExternalProgram(name="qemu-system-arm", package="qemu-system-arm")


def _has_npu_firmware(variant: Variant) -> bool:
    return variant.codegen.backend == "stedgeai" and bool(folders.having("npu", variant.firmware.boards))


_every_description = board_descriptions("emulator", "flash")
_DECODES = (
    "index.root",
    "index.background_roots",
    "evaluate.root",
    "evaluate.soundscapes",
    "model.sample_rate_hz",
    "model.window_s",
    "model.label_order",
    "windows",
)
"""The keys that say which recordings are decoded, and how."""
_OF_RUN = ("run.precision", "run.jit")
"""The keys of ``[run]`` that make a trained model stale. The others do not say what is computed."""
STAGES: tuple[Stage, ...] = (
    Stage(
        name="fetch",
        doc="download recordings from packages on your package index",
        reads=("fetch",),
        wanted=lambda variant: variant.fetch is not None,
    ),
    Stage(
        name="index",
        doc="find every recording, what it holds and whether it can be used",
        needs=("fetch",),
        reads=(
            "index",
            "evaluate.root",
            "evaluate.soundscapes",
            "evaluate.species_column",
            "evaluate.folds",
            "evaluate.min_recall",
            "evaluate.max_false_alarms_per_hour",
            "evaluate.max_int8_loss",
            "model.window_s",
            "model.label_order",
        ),
        files=lambda release: (
            recordings.label_tables(release)
            | recordings.own_names_table(release)
            | recordings.soundscape_tables(release)
            | (window_files(release) if recordings.held_out_root(release) else {})
        ),
        is_current=recordings.recordings_are_current,
    ),
    Stage(
        name="windows",
        doc="decode every recording of training and validation once, and list its windows",
        needs=("fetch", "index"),
        reads=_DECODES,
        files=window_files,
    ),
    Stage(
        name="teacher",
        doc="have a teacher hear the windows of training",
        needs=("windows",),
        reads=("teacher", "windows"),
        wanted=lambda variant: variant.teacher is not None and trains(variant),
        files=teacher_files,
    ),
    Stage(
        name="evaluation_windows",
        doc="decode the recordings that only measure accuracy, and list their windows",
        needs=("fetch", "index"),
        reads=_DECODES,
        wanted=lambda variant: variant.evaluate.folds is None,
        files=window_files,
    ),
    Stage(
        name="representative",
        doc="cut the windows that calibrate and those that verify",
        needs=("index", "windows", "teacher"),
        reads=("model.checkpoint", "representative"),
    ),
    Stage(
        name="train",
        doc="train the float model",
        needs=("windows", "teacher"),
        reads=("model", "train", "augment", *_OF_RUN, "teacher", "windows.select"),
        wanted=trains,
        files=start_files,
    ),
    Stage(
        name="candidate",
        doc="quantize by one recipe; there is one task for each recipe of the variant",
        needs=("representative", "train"),
        reads=("convert", "model.label_order"),
        files=checkpoint_files,
    ),
    Stage(
        name="convert",
        doc="choose among the candidates",
        needs=("candidate",),
        reads=("quantize.select", "verify"),
    ),
    Stage(
        name="verify",
        doc="compare the candidate with the float model and pass or refuse it",
        needs=("representative", "train", "convert"),
        reads=("verify", "convert", "train.refit", "model.label_order"),
        files=checkpoint_files,
    ),
    Stage(
        name="layers",
        doc="measure tensor by tensor what int8 costs",
        needs=("representative", "train", "convert"),
        reads=("model.label_order",),
        files=checkpoint_files,
    ),
    Stage(
        name="analyze",
        doc="say where the NPU would run every operator, and what is known to go wrong",
        needs=("verify",),
        reads=("lint", "codegen.backend"),
    ),
    Stage(
        name="thresholds",
        doc="choose from which probability each species counts as heard",
        needs=("index", "windows", "train", "verify"),
        reads=("thresholds", "firmware.threshold", "train.start"),
        files=learned_from_files,
    ),
    Stage(
        name="codegen",
        doc="generate the network and the front end in C",
        needs=("representative", "verify"),
        reads=("codegen",),
        templates=("network", "runtime", "head"),
    ),
    Stage(
        name="npu",
        doc="compile the network for the NPU with ST's tool, and refuse what a board would not report",
        needs=("verify",),
        reads=("npu", "firmware.boards"),
        wanted=lambda variant: variant.codegen.backend == "stedgeai",
        files=lambda release: stedgeai_files(release) | board_descriptions("npu")(release),
    ),
    Stage(
        name="firmware",
        doc="render a complete project for every board",
        needs=("codegen", "thresholds"),
        reads=("variant", "firmware", "detect"),
        templates=("app", "rules", "resample", "boards", "board_parts", "project"),
    ),
    Stage(
        name="package",
        doc="pack the C for projects of any kind: CMake, Zephyr, PlatformIO, Arduino",
        needs=("verify", "codegen", "thresholds"),
        reads=("variant", "detect", "firmware.input_rates_hz"),
        templates=("package", "rules", "resample"),
        files=lambda release: {"licence": paths.licence()},
    ),
    Stage(
        name="compile",
        doc="build every board's project and check its memory",
        needs=("firmware",),
        reads=("firmware.boards",),
        programs=(_CROSS_GCC, _CMAKE),
    ),
    Stage(
        name="npu_firmware",
        doc="build the firmware whose network the NPU computes, from ST's sources",
        needs=("codegen", "npu", "thresholds"),
        reads=("variant", "firmware", "detect", "npu.core_dir"),
        templates=("app", "rules", "resample", "boards", "board_parts", "project"),
        programs=(_CROSS_GCC, _CMAKE),
        wanted=_has_npu_firmware,
        files=vendor_files,
    ),
    Stage(
        name="emulate",
        doc="run the firmware on an emulated Cortex-M55 over real windows",
        needs=("windows", "evaluation_windows", "representative", "verify", "thresholds", "compile"),
        reads=("emulate", "evaluate.firmware_windows", "firmware.boards", "detect"),
        programs=(_QEMU,),
        wanted=lambda variant: bool(folders.having("emulator", variant.firmware.boards)),
        files=board_descriptions("emulator"),
    ),
    Stage(
        name="fold",
        doc="train without one fold of a cross-validation, and score this fold",
        needs=("windows", "teacher"),
        reads=("model", "train", "augment", *_OF_RUN, "evaluate.folds", "teacher", "windows.select"),
        wanted=lambda variant: variant.evaluate.folds is not None,
        files=start_files,
    ),
    Stage(
        name="evaluate",
        doc="measure how well the model hears, on recordings that nothing else used",
        needs=("index", "windows", "evaluation_windows", "train", "verify", "thresholds", "emulate", "fold"),
        reads=("evaluate", "model.label_order", "train.start"),
        files=lambda release: checkpoint_files(release) | learned_from_files(release),
    ),
    Stage(
        name="image",
        doc="pack the firmware with its boot header for the flash of the board",
        needs=("compile", "npu", "npu_firmware"),
        reads=("variant", "firmware.header_version", "firmware.boards"),
        wanted=lambda variant: bool(folders.having("flash", variant.firmware.boards)),
        files=board_descriptions("flash"),
    ),
    Stage(
        name="report",
        doc="draw everything on one HTML page",
        needs=(
            *(
                "fetch",
                "index",
                "windows",
                "evaluation_windows",
                "representative",
                "train",
                "convert",
                "verify",
            ),
            *("thresholds", "evaluate"),
            *("layers", "analyze", "codegen", "npu", "compile", "npu_firmware", "emulate", "image"),
        ),
        reads=(
            *(
                "variant",
                "firmware",
                "detect",
                "lint",
                "verify",
                "index.root",
                "index.background_roots",
            ),
            *("codegen.test_vectors", "bundle.require_above_chance"),
        ),
        files=lambda release: (
            recordings.own_credits_table(release) | _every_description(release) | checkpoint_teachers(release)
        ),
        reads_summaries=True,
    ),
    Stage(
        name="bundle",
        doc="zip the release: images, C, model, labels, reports, licences, checksums",
        needs=(
            *(
                "fetch",
                "index",
                "representative",
                "train",
                "verify",
                "thresholds",
                "evaluate",
                "layers",
                "analyze",
                "codegen",
                "npu",
                "firmware",
                "package",
            ),
            *("compile", "npu_firmware", "emulate", "image", "report"),
        ),
        reads=(
            *("variant", "bundle", "index.root", "codegen.test_vectors", "firmware.boards", "verify"),
            *("model.checkpoint", "detect"),
        ),
        files=lambda release: (
            {"licence": paths.licence()}
            | recordings.own_credits_table(release)
            | _every_description(release)
            | checkpoint_teachers(release)
        ),
    ),
)
BY_NAME = {stage.name: stage for stage in STAGES}


def stages_of(variant: Variant) -> tuple[Stage, ...]:
    """Return the stages that ``variant`` has, in the order of the pipeline; one candidate for each recipe."""
    return tuple(one for stage in STAGES if stage.wanted(variant) for one in _parts(stage, variant))


def _parts(stage: Stage, variant: Variant) -> tuple[Stage, ...]:
    """Return the parts of a stage that has some in this variant, or the stage itself."""
    if stage.name == "candidate":
        return _candidates(stage, variant)
    if stage.name == "fold":
        return tuple(replace(stage, part=str(number + 1)) for number in range(variant.evaluate.folds or 0))
    return (stage,)


def _candidates(stage: Stage, variant: Variant) -> tuple[Stage, ...]:
    """Return one stage for each recipe; with ``select = "first"`` each one waits for those before it."""
    stages = []
    for number, name in enumerate(variant.recipes):
        earlier = variant.recipes[:number] if variant.quantize.select == "first" else ()
        needs = (*stage.needs, *(f"candidate/{one}" for one in earlier))
        reads = (*stage.reads, *(("verify",) if earlier else ()), *(("qat",) if name == "qat" else ()))
        stages.append(replace(stage, part=name, needs=needs, reads=reads))
    return tuple(stages)


def folders_needed(stage: Stage, release: Release) -> dict[str, Path]:
    """Return the folders of the stages that ``stage`` needs and the variant has, by the key of the stage."""
    present = stages_of(release.variant)
    needed = [one for need in stage.needs for one in present if need in (one.key, one.name)]
    return {one.key: release.folder(one.key) for one in needed}
