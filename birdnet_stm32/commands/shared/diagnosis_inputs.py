"""The model that the doctor examines: the one that the pipeline published, or one made from a checkpoint."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from birdnet_stm32.audio.windows.window_roles import distances_db
from birdnet_stm32.commands.shared import checkpoint_option
from birdnet_stm32.commands.shared.recipe_option import choose_recipe
from birdnet_stm32.config.variant import VerifyTable
from birdnet_stm32.engine.manifest import read_manifest
from birdnet_stm32.engine.release import Release
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.engine.staleness import reasons_to_run
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.document import read_document
from birdnet_stm32.frontend.contract import read_contract
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.quant.doctor import trials
from birdnet_stm32.quant.doctor.examine import ModelUnderDiagnosis
from birdnet_stm32.quant.doctor.trials import ConvertedModel
from birdnet_stm32.quant.recipes import Candidate
from birdnet_stm32.selection.candidates import ConvertDocument
from birdnet_stm32.selection.measured_candidate import measure_recipe
from birdnet_stm32.stages.candidate import recipe_settings
from birdnet_stm32.stages.catalog import BY_NAME, folders_needed
from birdnet_stm32.stages.inputs.file_names import CANDIDATE, CONFIG, FLOAT_MODEL
from birdnet_stm32.stages.inputs.float_model import float_model
from birdnet_stm32.stages.inputs.windows import WindowsByRole, load_windows


@dataclass(frozen=True, kw_only=True, eq=False)
class DiagnosisInputs:
    """A model to examine, with the windows and limits by which it is judged.

    Args:
        name: name of the model in messages.
        model: the model under diagnosis.
        windows: the windows by their role.
        limits: the limits of the gates.
        warnings: facts that make the result less reliable.
    """

    name: str
    model: ModelUnderDiagnosis
    windows: WindowsByRole
    limits: VerifyTable
    warnings: tuple[str, ...] = ()

    @property
    def calibration(self) -> trials.CalibrationWindows:
        """The windows for the trials: those that calibrate and those that are held out."""
        windows = self.windows
        return trials.CalibrationWindows(
            pcm=windows.calibration,
            snr_db=np.array([row.snr_db for row in windows.calibration_rows]),
            distance_db=distances_db(windows.calibration, self.model.source_contract.frontend.sample_rate_hz),
            held_out=windows.held_out,
            held_out_recordings=len({row.recording for row in windows.held_out_rows}),
        )


def of_variant(release: Release) -> DiagnosisInputs:
    """Return the model that the stages published. Without a candidate, the first recipe makes one.

    Raises:
        InputError: the stages before the candidate have not run.
        GateError: the float model cannot be converted.
    """
    verify = BY_NAME["verify"]
    needs = folders_needed(verify, release)
    published = {key: folder for key, folder in needs.items() if read_manifest(folder) is not None}
    missing = [key for key in needs if key not in published and key != "convert"]
    if missing:
        raise InputError(
            f"the stage {missing[0]} has not been published yet",
            where=release.path,
            remedy=f"doit verify:{release.name}",
        )
    folder = release.folder(verify.name)
    job = Job(release=release, inputs=published, files=verify.files(release), out=folder, previous=folder)
    start = float_model(job)
    windows = load_windows(published["representative"])
    model = checkpoint.load(start.path, start.contract)
    settings = recipe_settings(release.variant)
    if "convert" in published:
        made, recipe, tried = _published(published["convert"])
    else:
        recipe = release.variant.recipes[0]
        made = measure_recipe(recipe, model, start.contract, windows, settings).candidate
        tried = (recipe,)
    return DiagnosisInputs(
        name=release.name,
        model=ModelUnderDiagnosis(
            source=model,
            source_contract=start.contract,
            model=made.model,
            int8=ConvertedModel(tflite=made.tflite, contract=made.contract),
            recipe=recipe,
            tried=tried,
            settings=settings,
            shares=made.notes.get("shares", {}),
            trains=release.variant.model.checkpoint is None,
            asked_windows=release.variant.representative.calibration_windows,
            found_windows=_found(windows),
        ),
        windows=windows,
        limits=release.variant.verify,
        warnings=_outdated(release, published),
    )


def of_options(options: argparse.Namespace) -> DiagnosisInputs:
    """Return the model that ``convert`` makes from a checkpoint.

    Raises:
        InputError: an option, the checkpoint or the folder cannot be used, or the conversion is not int8.
    """
    given = checkpoint_option.load_inputs(options)
    choice = choose_recipe(given, options)
    made = choice.candidate
    return DiagnosisInputs(
        name=str(options.checkpoint_path),
        model=ModelUnderDiagnosis(
            source=given.model,
            source_contract=given.contract,
            model=made.model,
            int8=ConvertedModel(tflite=made.tflite, contract=made.contract),
            recipe=choice.recipe,
            tried=tuple(choice.measured),
            settings=choice.settings,
            shares=made.notes.get("shares", {}),
            trains=False,
            asked_windows=given.asked.calibration_windows,
            found_windows=_found(given.windows),
        ),
        windows=given.windows,
        limits=given.limits,
    )


def _found(windows: WindowsByRole) -> int:
    return len(windows.calibration) + len(windows.left_out) + len(windows.held_out)


def _published(folder: Path) -> tuple[Candidate, str, tuple[str, ...]]:
    """Return the chosen candidate, its recipe, and all recipes that were computed."""
    contract = read_contract(folder / CONFIG)
    converted = read_document(ConvertDocument, folder)
    made = Candidate(
        tflite=(folder / CANDIDATE).read_bytes(),
        contract=contract,
        model=checkpoint.load(folder / FLOAT_MODEL, contract),
        notes=dict(converted.chosen.notes),
    )
    return made, converted.recipe, tuple(one.recipe for one in converted.computed)


def _outdated(release: Release, published: dict[str, Path]) -> tuple[str, ...]:
    """Return a warning for each of these stages that would run again."""
    warnings = []
    for key in published:
        stage = BY_NAME[key]
        reasons = reasons_to_run(stage, release, folders_needed(stage, release))
        if reasons:
            warnings.append(f"{stage.task(release.name)} is out of date: {reasons[0]}")
    return tuple(warnings)
