#!/usr/bin/env python3
"""Print how well models hear, measured by the pipeline on recordings that no model learned from.

docs/benchmarks.md shows the last results. The recordings are a folder with a table ``index.csv``, whose
columns ``part``, ``file``, ``label`` and ``split`` say what each file holds and what it may be used for, and
with annotated soundscapes. Nothing is chosen by its test part. Each experiment is a variant in the work
folder, so a second run repeats only what changed.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# The sounds of the part esc10 that no bird makes and that no bird is likely to be heard behind.
BACKGROUND = ("rain", "sea_waves", "fire_crackling", "helicopter", "chainsaw", "clock_tick")
THRESHOLDS = (0.25, 0.5)
ON_SOUNDSCAPES = ("birds", "two_fifths", "refit")

Row = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A variant to build, and what it shows.

    Args:
        name: name of the variant.
        title: what it shows.
        tables: the text of the variant below ``[variant]``.
        goal: the stage to build.
    """

    name: str
    title: str
    tables: str
    goal: str = "evaluate"


def main() -> None:
    """Build the experiments that were asked for and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("benchmark", type=Path, help="folder with index.csv and the recordings")
    parser.add_argument("--checkpoints", type=Path, help="folder with the published checkpoint")
    parser.add_argument("--work", type=Path, default=Path("build/benchmark_accuracy"))
    parser.add_argument("--epochs", type=int, default=40, help="passes of each training")
    parser.add_argument(
        "--folds", action="store_true", help="also the cross-validation, which trains 5 models"
    )
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="only these experiments")
    options = parser.parse_args()
    work = options.work.resolve()
    with (options.benchmark / "index.csv").open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    lay_out(rows, options.benchmark.resolve(), work / "recordings", published_labels(options.checkpoints))
    chosen = [one for one in experiments(options) if not options.only or one.name in options.only]
    for one in chosen:
        build(one, work)
        document = json.loads((work / "build" / one.name / "evaluate" / "evaluate.json").read_text())
        print(f"\n### {one.title}\n")
        print_forms(document["forms"])
    for one in chosen:
        if one.name in ON_SOUNDSCAPES:
            print(f"\n### Mixed minutes, model of: {one.title}\n")
            print_soundscapes(one.name, work)


def experiments(options: argparse.Namespace) -> list[Experiment]:
    """Return the experiments, the cheapest first."""
    found = []
    if options.checkpoints is not None:
        found.append(
            Experiment(
                name="published",
                title="Published checkpoint, recordings of its species and background",
                tables=PUBLISHED.format(checkpoints=options.checkpoints.resolve()),
            )
        )
    train = f"\n[train]\nepochs = {options.epochs}\n"
    found.append(
        Experiment(name="birds", title="Ten species from scratch, fold 1", tables=SPLIT_FOLDERS + train)
    )
    found.append(
        Experiment(
            name="two_fifths",
            title="The same, where two fifths of what is not test choose the epoch",
            tables=TWO_FIFTHS + train,
        )
    )
    found.append(
        Experiment(
            name="refit",
            title="The same, trained on the validation recordings too",
            tables=SPLIT_FOLDERS + train + "refit = true\n",
        )
    )
    if options.folds:
        found.append(
            Experiment(name="folds", title="Ten species from scratch, 5 folds", tables=FOLDS + train)
        )
    return found


PUBLISHED = """
[index]
root = "../recordings/calibration"
background = ["background"]

[model]
checkpoint = "{checkpoints}/birdnet_stm32n6_100.keras"
config = "{checkpoints}/birdnet_stm32n6_100_model_config.json"
labels = "{checkpoints}/birdnet_stm32n6_100_labels.txt"

[evaluate]
root = "../recordings/published"
"""
SPLIT_FOLDERS = """
[index]
root = "../recordings/birds"
splits = "folders"
background = ["background"]
"""
TWO_FIFTHS = """
[index]
root = "../recordings/learned_birds"
background = ["background"]
validation_share = 0.4

[evaluate]
root = "../recordings/birds/test"
"""
FOLDS = """
[index]
root = "../recordings/all_birds"
background = ["background"]

[evaluate]
folds = 5
"""


def published_labels(checkpoints: Path | None) -> frozenset[str]:
    """Return the classes of the published checkpoint; none without it."""
    if checkpoints is None:
        return frozenset()
    text = (checkpoints / "birdnet_stm32n6_100_labels.txt").read_text(encoding="utf-8")
    return frozenset(text.splitlines())


def lay_out(rows: Iterable[Row], source: Path, target: Path, labels: frozenset[str]) -> None:
    """Give each experiment a folder of links to its recordings."""
    shutil.rmtree(target, ignore_errors=True)
    for row in rows:
        background = row["part"] == "esc10" and row["label"] in BACKGROUND
        folder = "background" if background else row["label"]
        if row["part"] == "birds" or background:
            link(source, row, target / "birds" / row["split"] / folder)
            link(source, row, target / "all_birds" / folder)
            if row["split"] != "test":
                link(source, row, target / "learned_birds" / folder)
        if row["label"] in labels or (background and row["split"] == "test"):
            link(source, row, target / "published" / folder)
        elif row["part"] in ("birds", "other_birds") or background:
            link(source, row, target / "calibration" / ("background" if background else "birds"))
        if row["part"] == "soundscapes" and "synthetic" in row["file"]:
            link(source, row, target / "soundscapes")
    for table in (source / "soundscapes").glob("synthetic*.selections.txt"):
        (target / "soundscapes" / table.name).symlink_to(table)


def link(source: Path, row: Row, folder: Path) -> None:
    """Link to one recording."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / Path(row["file"]).name).symlink_to(source / row["file"])


def build(experiment: Experiment, work: Path) -> None:
    """Write the variant and build it as far as its goal."""
    (work / "variants").mkdir(parents=True, exist_ok=True)
    text = f'[variant]\ntitle = "{experiment.title}"\n{experiment.tables}'
    path = work / "variants" / f"{experiment.name}.toml"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
    doit = [sys.executable, "-m", "doit", "--file", str(ROOT / "dodo.py"), "--dir", str(work)]
    run([*doit, f"{experiment.goal}:{experiment.name}"], work)


def run(command: Sequence[str], work: Path) -> None:
    """Run a command that shows its progress, in the work folder."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=work, check=True, env=environment, stdout=sys.stderr)


def print_soundscapes(name: str, work: Path) -> None:
    """Print what the model of an experiment finds in the soundscapes, by threshold."""
    lines = []
    for threshold in THRESHOLDS:
        target = work / f"soundscapes_{name}_{threshold}.json"
        run(
            [
                *(sys.executable, "-m", "birdnet_stm32", "evaluate", name, "--overwrite"),
                *("--soundscapes", "recordings/soundscapes", "--threshold", str(threshold)),
                *("--json", str(target)),
            ],
            work,
        )
        for form in json.loads(target.read_text())["forms"]:
            alarms = form["false_alarms_per_hour"]
            lines.append(
                f"| {form['form']} | {threshold} | {interval(form['overall_recall'])} | "
                f"{alarms['value'] / 60:.1f} ({alarms['low'] / 60:.1f}-{alarms['high'] / 60:.1f}) | "
                f"{interval(form['mean_average_precision'])} | "
                f"{interval(form['class_mean_average_precision'])} |"
            )
    print("| | threshold | recall of calls | false alarms a minute | window AUPRC | window cMAP |")
    print("|---|---:|---:|---:|---:|---:|")
    print("\n".join(lines))


def print_forms(forms: Sequence[Mapping[str, Any]]) -> None:
    """Print what each form of a model reached on whole files."""
    measures: dict[str, Callable[[Mapping[str, Any]], str]] = {
        "cMAP": lambda form: interval(form["class_mean_average_precision"]),
        "mAP": lambda form: interval(form["mean_average_precision"]),
        "ROC-AUC": lambda form: "-" if form["roc_auc"] is None else f"{form['roc_auc']:.3f}",
        "strongest class right": lambda form: interval(form["top1"]),
        "found": lambda form: interval(form["overall_recall"]),
        "precision": lambda form: interval(form["precision"]),
    }
    print("| | " + " | ".join(measures) + " |")
    print("|---|" + "---:|" * len(measures))
    for form in forms:
        print(f"| {form['form']} | " + " | ".join(text(form) for text in measures.values()) + " |")


def interval(estimate: Mapping[str, float] | None) -> str:
    """Return a value with its interval."""
    if estimate is None:
        return "-"
    return f"{estimate['value']:.3f} ({estimate['low']:.2f}-{estimate['high']:.2f})"


if __name__ == "__main__":
    main()
