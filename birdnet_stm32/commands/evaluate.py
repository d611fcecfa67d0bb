"""Scores models on a folder of labelled recordings: float (.keras), int8 (.tflite) and as firmware.

Windows are cut as in deployment, and the scores of a recording's windows are pooled. Recordings of classes
that the model does not know are left out and counted. Background recordings count as negative for every
class. Several --model_path are shown side by side, the float model first. If int8 loses more than a given
limit, the exit code is 1.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from birdnet_stm32.audio.index.learned_from import LEARNED_FROM_SUFFIX, without_learned
from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.windows.cut_windows import CutWindows, split_windows
from birdnet_stm32.commands.shared import labelled_folder
from birdnet_stm32.commands.shared.checked_options import checked_table
from birdnet_stm32.commands.shared.messages import print_message, print_warning
from birdnet_stm32.commands.shared.model_files import learned_beside
from birdnet_stm32.commands.shared.model_forms import FormKind, ModelForm, model_forms_of, run_model_form
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.config.training_tables import RepresentativeTable
from birdnet_stm32.config.variant import EmulateTable, FirmwareTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.evaluate.recording_measures import Evaluation, Pooling, evaluate, pool_windows
from birdnet_stm32.files.document import document_values
from birdnet_stm32.files.regular_file import real_path
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.gates import refuse_failures
from birdnet_stm32.progress import track
from birdnet_stm32.release.evaluation_report import (
    AccuracyLoss,
    EvaluatedForm,
    EvaluationReport,
    render_evaluation,
)
from birdnet_stm32.terminal_text import counted, printable

EXAMPLE = """birdnet-stm32 evaluate --model_path model.tflite --model_config model_model_config.json \\
    --data_path_test data/test --pooling lme --report_html report.html"""
PART = "test"
SEED = 42

Floats = NDArray[np.float32]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options. They have the names of the 0.9 line."""
    parser.add_argument(
        "--model_path",
        type=Path,
        action="append",
        required=True,
        metavar="FILE",
        help="*.keras or *.tflite; repeat the option to compare several models",
    )
    parser.add_argument(
        "--model_config",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="one for all models, or one for each; default: beside the model",
    )
    labelled_folder.add_folder(parser, "--data_path_test")
    parser.add_argument(
        "--include_learned",
        action="store_true",
        help="also score recordings that a model learned from; by default they are left out",
    )
    parser.add_argument("--firmware", action="store_true", help="also run each .tflite as emulated firmware")
    parser.add_argument("--timeout", type=float, default=EmulateTable().timeout_s, metavar="SECONDS")
    pooling = [one.value for one in Pooling]
    parser.add_argument(
        "--pooling",
        choices=pooling,
        default=Pooling.MAX.value,
        help="how the scores of a recording's windows are combined",
    )
    parser.add_argument(
        "--threshold",
        type=float,
        default=FirmwareTable().threshold,
        help="probability from which a class counts as detected, also for F1",
    )
    parser.add_argument(
        "--max_roc_auc_loss", type=float, metavar="X", help="largest loss against float that is allowed"
    )
    parser.add_argument(
        "--max_cmap_loss", type=float, metavar="X", help="largest loss against float that is allowed"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the bootstrap")
    parser.add_argument("--report_html", type=Path, metavar="FILE", help="write a page with all results")
    parser.add_argument(
        "--predictions",
        type=Path,
        metavar="FILE.csv",
        help="one row for each window; for further models FILE.<which>.csv",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the scores to this file; - for standard output"
    )


def run(options: argparse.Namespace) -> None:
    """Score the models, write the results, and judge the losses."""
    checked_table(FirmwareTable, threshold=options.threshold)
    checked_table(RepresentativeTable, seed=options.seed)
    timeout_s = checked_table(
        EmulateTable, options={"timeout_s": "--timeout"}, timeout_s=options.timeout
    ).timeout_s
    writer_of(options).check(options.json, options.predictions, options.report_html)
    forms = model_forms_of(options.model_path, options.model_config, firmware=options.firmware)
    writer_of(options).check(*_prediction_files(options, forms).values())
    limits = {"roc_auc": options.max_roc_auc_loss, "class_mean_average_precision": options.max_cmap_loss}
    _check_limits(forms, limits)
    contract = forms[0].contract
    rows = labelled_folder.index_folder(
        options.data_path_test, options, train_every_label=False, classes=contract.labels, splits=False
    )
    rows = _without_learned(rows, forms, options)
    labelled_folder.require_common_class(rows, contract, options.data_path_test)
    left_out = _count_left_out(rows, contract)
    windows = _windows(rows, options.data_path_test, contract)
    results: dict[ModelForm, tuple[Floats, Evaluation]] = {}
    for form in forms:
        found = run_model_form(
            form, windows, options.data_path_test, timeout_s=timeout_s, channel=options.channel
        )
        results[form] = found, _score(found, windows, contract, options)
    losses = _losses({form: result for form, (_, result) in results.items()}, limits)
    _write(options, results, losses, windows, left_out)
    if str(options.json) != "-":
        _show(results[forms[0]][1], {form.name: result for form, (_, result) in results.items()})
    refuse_failures(
        [loss.gate for loss in losses if loss.gate], "int8 loses too much of the accuracy", where="evaluate"
    )


def _check_limits(forms: Sequence[ModelForm], limits: Mapping[str, float | None]) -> None:
    if all(limit is None for limit in limits.values()):
        return
    kinds = [form.kind for form in forms]
    if kinds.count(FormKind.FLOAT) != 1 or len(kinds) < 2:
        raise InputError(
            f"a loss is limited, and the models are {', '.join(form.path.name for form in forms)}",
            expected="one .keras, which is the reference, and at least one .tflite",
        )


def _without_learned(
    rows: tuple[IndexRow, ...], forms: Sequence[ModelForm], options: argparse.Namespace
) -> tuple[IndexRow, ...]:
    """Leave out the recordings that a model learned from, as far as the files beside the models say.

    Raises:
        InputError: nothing is left.
    """
    learned: dict[str, str] = {}
    for path in dict.fromkeys(form.path for form in forms):
        known = learned_beside(path)
        if known is None:
            print_warning(
                f"{path.name}: it is not known which recordings it learned from, because there is no "
                f"{path.stem}{LEARNED_FROM_SUFFIX} beside it. Recordings that it learned from make its "
                "scores too high."
            )
        else:
            learned |= known
    marked = without_learned(rows, learned)
    count = sum(row.usable for row in rows) - sum(row.usable for row in marked)
    if count and options.include_learned:
        print_warning(f"a model learned from {count} of these recordings, so the scores are too high")
        return rows
    if count and not any(row.usable and not row.background for row in marked):
        raise InputError(
            "the model learned from all recordings of its species here",
            where=options.data_path_test,
            expected="recordings from which it has not learned",
            remedy="--include_learned scores them anyway, and the scores will be too high",
        )
    return marked


def _count_left_out(rows: Sequence[IndexRow], contract: ModelContract) -> dict[str, int]:
    """Count the recordings that are not used, by reason, and print the counts."""
    reasons = Counter(row.reason for row in rows if not row.usable)
    unknown = set(labelled_folder.unknown_classes(rows, contract))
    count = sum(row.usable and row.label in unknown for row in rows)
    if count:
        reasons["of a class that the model does not know"] = count
    for reason, number in sorted(reasons.items()):
        print_warning(f"left out {counted(number, 'recording')}: {reason}")
    return dict(sorted(reasons.items()))


def _windows(rows: Sequence[IndexRow], root: Path, contract: ModelContract) -> CutWindows:
    known = [row for row in rows if row.usable and (row.background or row.label in contract.labels)]
    with track("decode") as report:
        return split_windows(
            [replace(row, split=PART) for row in known],
            root,
            PART,
            contract.frontend.window_shape,
            report=report,
        )


def _score(
    found: Floats, windows: CutWindows, contract: ModelContract, options: argparse.Namespace
) -> Evaluation:
    """Pool the windows of each file. The bootstrap draws the recordings that the files were cut from."""
    first = {row.path: row for row in windows.rows}
    number = {path: position for position, path in enumerate(first)}
    pooled = pool_windows(
        found, np.array([number[row.path] for row in windows.rows], np.int64), Pooling(options.pooling)
    )
    targets = np.zeros_like(pooled)
    for row in first.values():
        if not row.background:
            targets[number[row.path], contract.labels.index(row.label)] = 1
    _, groups = np.unique([row.recording for row in first.values()], return_inverse=True)
    return evaluate(
        pooled,
        targets,
        contract.labels,
        groups=groups.astype(np.int64),
        threshold=options.threshold,
        seed=options.seed,
    )


def _losses(
    results: Mapping[ModelForm, Evaluation], limits: Mapping[str, float | None]
) -> tuple[AccuracyLoss, ...]:
    """Compare every other form with the float model, if there is exactly one."""
    floats = [result for form, result in results.items() if form.kind is FormKind.FLOAT]
    if len(floats) != 1:
        return ()
    losses = []
    for form, result in results.items():
        for measure, limit in limits.items():
            before, after = getattr(floats[0], measure), getattr(result, measure)
            if form.kind is not FormKind.FLOAT and before is not None and after is not None:
                losses.append(AccuracyLoss(form=form.name, measure=measure, loss=before - after, limit=limit))
    return tuple(losses)


def _write(
    options: argparse.Namespace,
    results: Mapping[ModelForm, tuple[Floats, Evaluation]],
    losses: Sequence[AccuracyLoss],
    windows: CutWindows,
    left_out: Mapping[str, int],
) -> None:
    """Write the files that were asked for, now that nothing can fail any more."""
    writer = writer_of(options)
    settings = {
        "pooling": options.pooling,
        "threshold": options.threshold,
        "windows": len(windows.rows),
        "left_out": dict(left_out),
    }
    measured = [
        {"model": form.path.name, "name": form.name, "kind": form.kind.value, **asdict(result)}
        for form, (_, result) in results.items()
    ]
    writer.write_json(
        options.json,
        {**measured[0], **settings, "models": measured, "losses": [document_values(loss) for loss in losses]},
    )
    files = _prediction_files(options, results)
    for form, path in files.items():
        writer.write(path, _predictions(results[form][0], windows, form.contract).encode())
    if options.report_html is not None:
        report = EvaluationReport(
            folder=real_path(options.data_path_test).name,
            pooling=options.pooling,
            threshold=options.threshold,
            windows=len(windows.rows),
            left_out=tuple(left_out.items()),
            forms=tuple(
                EvaluatedForm(name=form.name, file=form.path.name, result=result)
                for form, (_, result) in results.items()
            ),
            losses=tuple(losses),
        )
        writer.write(options.report_html, render_evaluation(report).encode())


def _prediction_files(options: argparse.Namespace, forms: Iterable[ModelForm]) -> dict[ModelForm, Path]:
    """Return where the predictions of each side go: ``--predictions``, with the name of all but the first."""
    if options.predictions is None:
        return {}
    files = {}
    for form in forms:
        of_first = form.path == options.model_path[0] and form.kind is not FormKind.FIRMWARE
        which = "" if of_first else "." + form.name.replace(" ", ".")
        given = options.predictions
        files[form] = given.with_name(f"{given.stem}{which}{given.suffix}")
    return files


def _predictions(found: Floats, windows: CutWindows, contract: ModelContract) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "start", "label", *contract.labels])
    for row, values in zip(windows.rows, found, strict=True):
        start_s = row.start_sample / contract.frontend.sample_rate_hz
        writer.writerow(
            [printable(row.path), f"{start_s:.3f}", row.label, *(f"{value:.6f}" for value in values)]
        )
    return text.getvalue()


def _show(first: Evaluation, results: Mapping[str, Evaluation]) -> None:
    several = len(results) > 1
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("class", overflow="fold")
    table.add_column("recordings", justify="right")
    for name in results:
        table.add_column(f"AP {printable(name)}" if several else "average precision (95%)", justify="right")
    for number, one in enumerate(first.classes):
        scores = [result.classes[number] for result in results.values()]
        texts = (
            f"{score.average_precision:.3f} ({score.interval.low:.2f}-{score.interval.high:.2f})"
            for score in scores
        )
        table.add_row(printable(one.label), str(one.recordings), *texts)
    Console(markup=False, emoji=False).print(table)
    print()
    for name, result in results.items():
        print_message(f"{name}: {_summary(result)}")


def _summary(result: Evaluation) -> str:
    area = "-" if result.roc_auc is None else f"{result.roc_auc:.3f}"
    return (
        f"{counted(result.recordings, 'recording')}: cmAP {result.class_mean_average_precision:.3f}, "
        f"mAP {result.mean_average_precision:.3f}, ROC-AUC {area}, F1 {result.f1:.3f}, "
        f"best class right in {100 * result.top1_accuracy:.1f}%"
    )
