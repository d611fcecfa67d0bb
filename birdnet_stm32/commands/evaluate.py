"""Says how well models hear, on recordings that they did not learn from: float, int8 and as firmware.

With the name of a variant, these are the recordings that the pipeline held out, and the models are the
variant's own unless --model_path names others. Other recordings are a folder with one folder for each class
(--data_path_test), or soundscapes with tables of annotated calls (--soundscapes). Recordings from which a
model learned, and those of classes that it does not know, are left out and counted. Background recordings
count as negative for every class. Several --model_path are shown side by side, the float model first. A limit
that is missed makes the exit code 1.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from birdnet_stm32.audio.index.learned_from import lists_all
from birdnet_stm32.audio.index.learned_from_name import LEARNED_FROM_SUFFIX
from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.commands.shared import labelled_folder
from birdnet_stm32.commands.shared.accuracy_tables import print_accuracy
from birdnet_stm32.commands.shared.checked_options import checked_table
from birdnet_stm32.commands.shared.judged_recordings import (
    JudgedRecordings,
    annotated_recordings,
    held_out_of_variant,
    labelled_recordings,
)
from birdnet_stm32.commands.shared.messages import print_warning
from birdnet_stm32.commands.shared.model_files import learned_beside
from birdnet_stm32.commands.shared.model_forms import FormKind, ModelForm, model_forms_of, run_model_form
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.commands.shared.variant_models import models_of_variant
from birdnet_stm32.commands.shared.variant_option import add_variant, release_of
from birdnet_stm32.commands.shared.window_predictions import predictions_csv
from birdnet_stm32.config.accuracy_tables import EvaluateTable
from birdnet_stm32.config.variant import EmulateTable, FirmwareTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.evaluate.accuracy import measure_accuracy, with_hearing
from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument
from birdnet_stm32.evaluate.accuracy_gates import accuracy_gates, loss_gate
from birdnet_stm32.evaluate.common_classes import common_classes
from birdnet_stm32.evaluate.held_out import HeldOut, held_out_hearing, judging_windows, scored_windows
from birdnet_stm32.evaluate.pooling import Pooling
from birdnet_stm32.evaluate.scored_windows import Floats
from birdnet_stm32.evaluate.sentences import flashed_form
from birdnet_stm32.evaluate.thresholds_document import ThresholdsDocument
from birdnet_stm32.files.document import document_values, parse_document
from birdnet_stm32.files.regular_file import read_bytes, sha256_of
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.gates import Gate, refuse_failures
from birdnet_stm32.release.evaluation_page import render_evaluation
from birdnet_stm32.release.facts import Fact
from birdnet_stm32.release.mistake_files import PAGE, cut_mistakes
from birdnet_stm32.terminal_text import counted, first_names

EXAMPLE = """birdnet-stm32 evaluate demo
  birdnet-stm32 evaluate --model_path model.tflite --model_config model_model_config.json \\
    --data_path_test data/test --pooling lme --report_html report.html
  birdnet-stm32 evaluate demo --soundscapes data/soundscapes --errors mistakes"""

Limits = Mapping[str, float | None]
_LOSSES = {"class_mean_average_precision": "cmAP", "roc_auc": "ROC-AUC"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options. Those of the 0.9 line have its names."""
    add_variant(parser, required=False)
    parser.add_argument(
        "--model_path",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="*.keras or *.tflite; repeat the option to compare several models; default: the variant's",
    )
    parser.add_argument(
        "--model_config",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="one for all models, or one for each; default: beside the model",
    )
    labelled_folder.add_folder(parser, "--data_path_test", required=False)
    parser.add_argument(
        "--soundscapes",
        type=Path,
        metavar="DIR",
        help="folder of recordings and their tables of calls (docs/reference/annotations.md)",
    )
    parser.add_argument("--names", type=Path, metavar="FILE", help="more names of species in the tables")
    parser.add_argument("--species_column", metavar="NAME", help="column of the species in the tables")
    parser.add_argument(
        "--include_learned",
        action="store_true",
        help="also score recordings that a model learned from; by default they are left out",
    )
    parser.add_argument("--firmware", action="store_true", help="also run each .tflite as emulated firmware")
    parser.add_argument("--timeout", type=float, default=EmulateTable().timeout_s, metavar="SECONDS")
    parser.add_argument(
        "--pooling",
        choices=[one.value for one in Pooling],
        default=EvaluateTable().pooling,
        help="how the scores of a recording's windows are combined",
    )
    parser.add_argument(
        "--threshold",
        type=float,
        help="probability from which every class counts as detected; "
        f"default: the thresholds of the variant, or {FirmwareTable().threshold:g}",
    )
    parser.add_argument("--thresholds", type=Path, metavar="FILE", help="a thresholds.json of the model")
    parser.add_argument("--min_recall", type=float, metavar="X", help="least recall, the mean over species")
    parser.add_argument(
        "--max_false_alarms_per_hour", type=float, metavar="X", help="most false alarms of all species"
    )
    parser.add_argument(
        "--max_roc_auc_loss", type=float, metavar="X", help="largest loss against float that is allowed"
    )
    parser.add_argument(
        "--max_cmap_loss", type=float, metavar="X", help="largest loss against float that is allowed"
    )
    parser.add_argument("--seed", type=int, default=EvaluateTable().seed, help="seed of the bootstrap")
    parser.add_argument("--report_html", type=Path, metavar="FILE", help="write a page with all results")
    parser.add_argument(
        "--errors", type=Path, metavar="DIR", help="cut the worst false alarms and misses to WAV files"
    )
    parser.add_argument(
        "--predictions",
        type=Path,
        metavar="FILE.csv",
        help="one row for each window; for further models FILE.<which>.csv",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the measures to this file; - for standard output"
    )


def run(options: argparse.Namespace) -> None:
    """Score the models, write the results, and judge the limits."""
    table = checked_table(
        EvaluateTable,
        pooling=options.pooling,
        seed=options.seed,
        min_recall=options.min_recall,
        max_false_alarms_per_hour=options.max_false_alarms_per_hour,
    )
    timeout_s = checked_table(
        EmulateTable, options={"timeout_s": "--timeout"}, timeout_s=options.timeout
    ).timeout_s
    _check_choice(options)
    writer = writer_of(options)
    writer.check(options.json, options.predictions, options.report_html)
    if options.errors is not None:
        writer.check_folder(options.errors)
    paths, configs = options.model_path, options.model_config
    if not paths:
        paths, configs = models_of_variant(release_of(options))
    forms = model_forms_of(paths, configs, firmware=options.firmware)
    writer.check(*_prediction_files(options, forms).values())
    losses = {"roc_auc": options.max_roc_auc_loss, "class_mean_average_precision": options.max_cmap_loss}
    _check_losses(forms, losses)
    common = common_classes([form.contract.labels for form in forms])
    contract = replace(forms[0].contract, labels=common.labels)
    others = list(dict.fromkeys(label for of_model in common.others for label in of_model))
    if others:
        print_warning(
            f"the models are compared on the {counted(len(common.labels), 'class')} that all of them have; "
            f"left out: {first_names(others)}"
        )
    thresholds = _thresholds(options, forms, contract)
    with tempfile.TemporaryDirectory(prefix="birdnet-") as work:
        judged = _recordings(options, contract, Path(work))
        held_out, learned, unknown = _without_learned(judged, forms, contract, options)
        windows = held_out.windows
        if not len(windows):
            raise InputError(
                "no recording is left to judge the model by",
                where=judged.name,
                expected="recordings of its classes from which it has not learned",
                remedy=_remedies(options, judged, held_out),
            )
        scores = {form: run_model_form(form, windows, timeout_s=timeout_s) for form in forms}
        shared = {
            form.name: scores[form][:, columns] for form, columns in zip(forms, common.columns, strict=True)
        }
        document = measure_accuracy(
            scored_windows(windows, shared, contract.labels, annotated=judged.calls),
            thresholds,
            source=judged.source,
            pooling=table.pooling,
            seed=table.seed,
            learned=learned,
            learned_unknown=unknown,
            left_out=(*judged.unusable, *held_out.left_out),
        )
        if document.unit == "recording":
            flashed = shared[flashed_form(document).form]
            document = with_hearing(document, held_out_hearing(windows, flashed, contract.labels))
        gates = (*accuracy_gates(document, table), *_loss_gates(document, losses))
        document = replace(document, gates=gates)
        _write(options, document, judged, windows, scores)
    if str(options.json) != "-":
        print_accuracy(document)
    refuse_failures(gates, "the model is not accurate enough", where="evaluate")


def _check_choice(options: argparse.Namespace) -> None:
    """Refuse options that name no recordings or no model, or two kinds of recordings."""
    if options.data_path_test is not None and options.soundscapes is not None:
        raise InputError("--data_path_test and --soundscapes exclude each other", remedy="keep one")
    if options.threshold is not None and options.thresholds is not None:
        raise InputError("--threshold and --thresholds exclude each other", remedy="keep one")
    if options.threshold is not None:
        checked_table(FirmwareTable, threshold=options.threshold)
    if options.variant is not None:
        return
    if not options.model_path:
        raise InputError(
            "there is no model to judge",
            expected="the name of a variant, or --model_path",
            remedy="birdnet-stm32 evaluate VARIANT judges the variant's own model",
        )
    if options.data_path_test is None and options.soundscapes is None:
        raise InputError(
            "there are no recordings to judge by",
            expected="the name of a variant, --data_path_test or --soundscapes",
        )


def _recordings(options: argparse.Namespace, contract: ModelContract, work: Path) -> JudgedRecordings:
    if options.soundscapes is not None:
        return annotated_recordings(options, contract, work)
    if options.data_path_test is not None:
        return labelled_recordings(options, contract, work)
    return held_out_of_variant(release_of(options))


def _thresholds(
    options: argparse.Namespace, forms: Sequence[ModelForm], contract: ModelContract
) -> dict[str, float]:
    """Return the threshold of each class of the models."""
    path = options.thresholds
    if path is None and options.threshold is None and options.variant is not None:
        published = release_of(options).folder("thresholds") / ThresholdsDocument.FILE
        path = published if published.is_file() else None
    if path is None:
        value = FirmwareTable().threshold if options.threshold is None else options.threshold
        return dict.fromkeys(contract.labels, value)
    try:
        document = parse_document(ThresholdsDocument, read_bytes(path), where=path)
    except InputError as error:
        if options.thresholds is None:
            raise
        raise InputError(
            error.what,
            where=error.where,
            expected="a thresholds.json, as the stage thresholds writes it",
            remedy="--threshold: one for all classes",
        ) from error
    found = {one.label: one.threshold for one in document.species}
    missing = [label for label in contract.labels if label not in found]
    if missing:
        raise InputError(
            f"has no threshold for {missing[0]}",
            where=path,
            expected="one for each class of the model: this may be the file of another model",
            remedy="--threshold: one for all classes",
        )
    models = [form.path for form in forms if form.kind is not FormKind.FLOAT]
    if document.model and models and document.model not in map(sha256_of, models):
        print_warning(
            f"the thresholds in {path} were chosen for another model than {models[0].name}, so its recall "
            "and its false alarms are not what they could be; --threshold: one for all classes"
        )
    return found


def _without_learned(
    judged: JudgedRecordings,
    forms: Sequence[ModelForm],
    contract: ModelContract,
    options: argparse.Namespace,
) -> tuple[HeldOut, int, bool]:
    """Leave out the recordings that a model learned from, as far as the files beside the models say.

    Returns:
        The windows to score, the number of scored recordings that a model learned from, and whether it is
        unknown for a model what it learned from.
    """
    learned: dict[str, str] = {}
    unknown = False
    for path in dict.fromkeys(form.path for form in forms):
        known = learned_beside(path)
        unknown |= not lists_all(known)
        if known is None and judged.source != "test split":
            print_warning(
                f"{path.name}: it is not known which recordings it learned from, because there is no "
                f"{path.stem}{LEARNED_FROM_SUFFIX} beside it. Recordings that it learned from make its "
                "scores too high."
            )
        elif not lists_all(known) and judged.source != "test split":
            print_warning(
                f"{path.name}: its training started from another model, and it is not known which recordings "
                "that one learned from. Such recordings make its scores too high."
            )
        learned |= known or {}
    mixed = len(judged.mixed_from & learned.keys())
    if mixed and not options.include_learned:
        raise InputError(
            f"these soundscapes were mixed from {counted(len(judged.mixed_from), 'recording')}, and a model "
            f"learned from {mixed:,} of them",
            where=judged.name,
            expected="soundscapes of recordings that no model learned from",
            remedy=(
                "mix others: birdnet-stm32 soundscape --learned_from FILE, or --labels TABLE",
                "--include_learned scores them anyway; the scores are then too high",
            ),
        )
    held_out = judging_windows(
        judged.windows, contract.labels, judged.calls, {} if options.include_learned else learned
    )
    for one in (*judged.unusable, *held_out.left_out):
        print_warning(f"left out {counted(one.count, 'recording')}: {one.reason}")
    if not options.include_learned:
        return held_out, 0, unknown
    windows = held_out.windows
    scored = {windows.recordings[number].digest for number in np.unique(windows.recording_of).tolist()}
    count = len(scored & learned.keys()) + mixed
    if count:
        print_warning(f"a model learned from {count} of these recordings, so the scores are too high")
    return held_out, count, unknown


def _check_losses(forms: Sequence[ModelForm], limits: Limits) -> None:
    if all(limit is None for limit in limits.values()):
        return
    kinds = [form.kind for form in forms]
    if kinds.count(FormKind.FLOAT) != 1 or len(kinds) < 2:
        raise InputError(
            f"a loss is limited, and the models are {', '.join(form.path.name for form in forms)}",
            expected="one .keras, which is the reference, and at least one .tflite",
        )


def _remedies(options: argparse.Namespace, judged: JudgedRecordings, held_out: HeldOut) -> tuple[str, ...]:
    """Return what gives recordings to judge by, where none is left."""
    if judged.source == "test split" and not held_out.left_out:
        return (
            "[evaluate] folds scores every recording by a model that has not learned from it: "
            f"doit evaluate:{options.variant} measures that",
            "a class of at least 4 recordings gives one to test with, unless [index] test_share is 0",
            "--data_path_test and --soundscapes name recordings that you kept apart",
        )
    return (
        "name recordings of its classes that the model did not learn from",
        "--include_learned also scores those from which it learned; the scores are then too high",
    )


def _loss_gates(document: EvaluateDocument, limits: Limits) -> tuple[Gate, ...]:
    """Judge how far every other form is behind the float model, where that is limited."""
    reference, *others = document.forms
    limited = {measure: limit for measure, limit in limits.items() if limit is not None}
    return tuple(
        loss_gate(measure, _LOSSES[measure], reference, form, limit)
        for form in others
        for measure, limit in limited.items()
    )


def _write(
    options: argparse.Namespace,
    document: EvaluateDocument,
    judged: JudgedRecordings,
    windows: WindowSet,
    scores: Mapping[ModelForm, Floats],
) -> None:
    """Write the files that were asked for, now that nothing can fail any more."""
    writer = writer_of(options)
    models = [{"name": form.name, "kind": form.kind.value, "model": form.path.name} for form in scores]
    writer.write_json(options.json, {**document_values(document), "models": models})
    for form, path in _prediction_files(options, list(scores)).items():
        writer.write(path, predictions_csv(windows, scores[form], form.contract.labels).encode())
    if options.report_html is not None:
        page = render_evaluation(
            document,
            name=judged.name,
            windows=windows,
            models=[Fact(name=form.name, value=form.path.name) for form in scores],
        )
        writer.write(options.report_html, page.encode())
    if options.errors is not None:
        files = cut_mistakes(document.mistakes, windows.reader(), windows.window_shape)
        writer.write_folder(options.errors, files, last=PAGE)


def _prediction_files(options: argparse.Namespace, forms: Sequence[ModelForm]) -> dict[ModelForm, Path]:
    """Return where the predictions of each form go: ``--predictions``, with the name of all but the first."""
    if options.predictions is None:
        return {}
    given: Path = options.predictions
    first, *others = forms
    named = {form: f"{given.stem}.{form.name.replace(' ', '.')}{given.suffix}" for form in others}
    return {first: given} | {form: given.with_name(name) for form, name in named.items()}
