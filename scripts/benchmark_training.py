#!/usr/bin/env python3
"""Print what each way to train gains: how well the int8 model hears recordings that it did not learn from.

docs/benchmarks.md shows the last results. The recordings are a folder with a table ``index.csv``, as for
benchmark_accuracy.py. Birds of a fold test, those of the next fold choose the epoch, and all others train,
together with sounds and birds that are no target. With ``--levers``, the fold 2 takes the place of the test
recordings, and the fold 1 takes no part: so single settings are compared without the test recordings.

Soundscapes are those of the folder for the fold 1. For another fold, calls of its birds are mixed into its
sounds by ``birdnet-stm32 soundscape``.

Each result is kept in ``results.json`` with the digest of its variant, so a second run goes on with what is
missing or was asked for in another way. Remove the file after a change of the code.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from statistics import mean, pstdev
from typing import Any

import numpy as np
import numpy.typing as npt
from benchmark_accuracy import ROOT, Row, link, run
from heard_events import Heard, measure_hearing, read_calls
from sklearn.metrics import average_precision_score

from birdnet_stm32 import api
from birdnet_stm32.frontend.contract import ModelContract, read_contract
from birdnet_stm32.stages.inputs.file_names import CONFIG, FLOAT_MODEL, MODEL

FOLDS = 5
# The folds of the sounds, in the order of those of the birds: their official test fold is 5.
SOUND_FOLDS = {"5": 1, "4": 2, "3": 3, "2": 4, "1": 5}
LEVER_FOLD, TEST_FOLD = 2, 1
MIXED_MINUTES = 12
TABLE = ".Table.1.selections.txt"

Floats = npt.NDArray[np.float32]

MEASURES = ("cmap", "top1", "cmap_of_mean", "top1_of_mean")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A way to train.

    Args:
        title: what it is, for the table.
        start: whether it starts from the published checkpoint.
        teacher: whether a teacher labels.
        train: further keys of ``[train]``.
        augment: keys of ``[augment]``.
        teach: further keys of ``[teacher]``.
        without: parts of the recordings that it does not learn from.
    """

    title: str
    start: bool = False
    teacher: bool = False
    train: str = ""
    augment: str = ""
    teach: str = ""
    without: tuple[str, ...] = ()


FROM_START = "epochs = 13\nbatch_size = 32\nbackground_share = 0.35\n"
REFIT = "refit = true\n"
TEACH = "embedding_weight = 1.0\n"
START = Recipe(title="from the published checkpoint", start=True, train=FROM_START)
TEACHER = replace(START, title="from the published checkpoint, with a teacher", teacher=True, teach=TEACH)
SCRATCH = Recipe(title="from scratch", train="background_share = 0.35\n")


def _start(title: str, *, train: str = "", augment: str = "", without: tuple[str, ...] = ()) -> Recipe:
    """Return the training from the checkpoint with one setting changed."""
    return replace(START, title=f"start, {title}", train=FROM_START + train, augment=augment, without=without)


RECIPES = {
    "scratch": SCRATCH,
    "probe": Recipe(title="linear probe on the published checkpoint", start=True, train='learn = "head"\n'),
    "start": START,
    "start_refit": _start("then on the validation recordings too", train=REFIT),
    "teacher": TEACHER,
    "teacher_refit": replace(
        TEACHER, title="teacher, then on the validation recordings too", train=FROM_START + REFIT
    ),
    "scratch_teacher": replace(SCRATCH, title="from scratch, with a teacher", teacher=True, teach=TEACH),
    # One setting changed at a time, to be compared with "start" or "teacher".
    "last_stages": _start("learn last_stages", train='learn = "last_stages"\n'),
    "backbone_rate": _start("backbone_rate 0.3", train="backbone_rate = 0.3\n"),
    "new_head": _start("head new", train='head = "new"\n'),
    "no_smoothing": _start("label_smoothing 0", train="label_smoothing = 0.0\n"),
    "by_loss": _start("select_epoch loss", train='select_epoch = "loss"\n'),
    "average": _start("average 0.99", train="average = 0.99\n"),
    "no_mixup": _start("mixup 0", augment="mixup = 0.0\n"),
    "no_noise": _start("background 0", augment="background = 0.0\n"),
    "no_other_birds": _start("without other birds", without=("other_birds",)),
    "teacher_labels": replace(TEACHER, title="teacher, embedding_weight 0", teach=""),
    "teacher_embedding": replace(
        TEACHER, title="teacher, weight 0", teach="weight = 0.0\nembedding_weight = 1.0\n"
    ),
}


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one training reached.

    Args:
        recipe: its recipe.
        variant: name of its variant, which also says whether it was a comparison of single settings.
        settings: SHA-256 of the variant's file.
        fold: the fold that judged it.
        seed: seed of the training.
        form: ``float`` or ``int8``.
        cmap: mean average precision of the classes over whole files, the maximum of their windows.
        top1: share of the files whose strongest class is the right one.
        cmap_of_mean: ``cmap`` with the mean of their windows.
        top1_of_mean: ``top1`` with the mean of their windows.
        heard: what it hears in the soundscapes.
        seconds: time of the training and everything after it, on this machine.
    """

    recipe: str
    variant: str
    settings: str
    fold: int
    seed: int
    form: str
    cmap: float
    top1: float
    cmap_of_mean: float
    top1_of_mean: float
    heard: Heard
    seconds: float


def main() -> None:
    """Train what was asked for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("benchmark", type=Path, help="folder with index.csv and the recordings")
    parser.add_argument("--checkpoints", type=Path, help="folder with the published checkpoint")
    parser.add_argument("--teacher", type=Path, help="a teacher's model; its labels lie beside it")
    parser.add_argument("--teacher_labels", type=Path, help="the teacher's labels")
    parser.add_argument("--teacher_licence", default="", help="the teacher's licence")
    parser.add_argument("--work", type=Path, default=Path("build/benchmark_training"))
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES), choices=RECIPES, metavar="NAME")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--folds", type=int, nargs="+", default=[TEST_FOLD])
    parser.add_argument("--levers", action="store_true", help="judge by fold 2, and leave out fold 1")
    options = parser.parse_args()
    work = options.work.resolve()
    with (options.benchmark / "index.csv").open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    results, asked = read_results(work / "results.json"), list[str]()
    for fold in [LEVER_FOLD] if options.levers else options.folds:
        for name in options.recipes:
            recipe = RECIPES[name]
            folder = "_without_".join(["levers" if options.levers else f"fold{fold}", *recipe.without])
            root = work / "recordings" / folder
            lay_out(rows, options.benchmark.resolve(), root, fold, options.levers, recipe.without)
            for seed in options.seeds:
                key = f"{name}_{folder}_{seed}"
                text = variant_text(recipe, folder, seed, options)
                settings = sha256(text.encode()).hexdigest()
                if not any((one.variant, one.settings) == (key, settings) for one in results):
                    started = time.monotonic()
                    build(key, text, work)
                    took_s = time.monotonic() - started
                    soundscapes = options.benchmark / "soundscapes" if fold == TEST_FOLD else mix(root, work)
                    found = measure(key, root / "judge", soundscapes, work)
                    results = [one for one in results if one.variant != key]
                    results += [
                        Result(
                            recipe=name,
                            variant=key,
                            settings=settings,
                            fold=fold,
                            seed=seed,
                            seconds=took_s,
                            **measured,
                        )
                        for measured in found
                    ]
                    write_results(results, work / "results.json")
                asked.append(key)
    print_table([one for one in results if one.variant in asked])


def lay_out(
    rows: Iterable[Row], source: Path, target: Path, fold: int, levers: bool, without: Sequence[str]
) -> None:
    """Give a fold its folders of links.

    ``train`` and ``validation``; ``judge`` with the birds of the fold; ``judge_sounds`` and ``judge_others``
    with what its soundscapes are mixed from.
    """
    shutil.rmtree(target, ignore_errors=True)
    validation = fold % FOLDS + 1
    for row in rows:
        if row["part"] == "soundscapes":
            continue
        sound = row["part"] == "esc10"
        of = SOUND_FOLDS[row["fold"]] if sound else int(row["fold"])
        folder = row["label"] if row["part"] == "birds" else "sounds" if sound else "other_birds"
        if folder in without or (levers and of == TEST_FOLD):
            continue
        if of == fold:
            part = "judge_sounds" if sound else "judge" if row["part"] == "birds" else "judge_others"
            link(source, row, target / part / row["label"])
        else:
            link(source, row, target / ("validation" if of == validation else "train") / folder)


def variant_text(recipe: Recipe, folder: str, seed: int, options: argparse.Namespace) -> str:
    """Return the variant of a training."""
    background = [part for part in ("sounds", "other_birds") if part not in recipe.without]
    tables = [
        f'[variant]\ntitle = "{recipe.title}"',
        f'[index]\nroot = "../recordings/{folder}"\nsplits = "folders"\n'
        f"background = {json.dumps(background)}",
        f'[evaluate]\nroot = "../recordings/{folder}/judge"\nfirmware_windows = 0',
        f"[train]\nseed = {seed}\n" + _checkpoint(recipe, options) + recipe.train,
    ]
    if recipe.augment:
        tables.append(f"[augment]\n{recipe.augment}")
    if recipe.teacher:
        tables.append(_teacher(recipe, options))
    return "\n\n".join(tables) + "\n"


def build(key: str, text: str, work: Path) -> None:
    """Write the variant and build it as far as its int8 model."""
    (work / "variants").mkdir(parents=True, exist_ok=True)
    (work / "variants" / f"{key}.toml").write_text(text, encoding="utf-8")
    run(
        [sys.executable, "-m", "doit", "--file", str(ROOT / "dodo.py"), "--dir", str(work), f"verify:{key}"],
        work,
    )


def _checkpoint(recipe: Recipe, options: argparse.Namespace) -> str:
    if not recipe.start:
        return ""
    if options.checkpoints is None:
        raise SystemExit(f"{recipe.title}: needs --checkpoints")
    return f'start = "{options.checkpoints.resolve()}/birdnet_stm32n6_100.keras"\n'


def _teacher(recipe: Recipe, options: argparse.Namespace) -> str:
    if options.teacher is None or options.teacher_labels is None:
        raise SystemExit(f"{recipe.title}: needs --teacher and --teacher_labels")
    return (
        f'[teacher]\nmodel = "{options.teacher.resolve()}"\nlabels = "{options.teacher_labels.resolve()}"\n'
        f'licence = "{options.teacher_licence}"\n' + recipe.teach
    )


def mix(root: Path, work: Path) -> Path:
    """Mix the soundscapes of a fold, and return their folder."""
    target = work / "soundscapes" / root.name
    if not target.is_dir():
        parts = ["--birds", "judge", "--others", "judge_others", "--background", "judge_sounds"]
        asked = [str(root / part) if part.startswith("judge") else part for part in parts]
        command = [sys.executable, "-m", "birdnet_stm32", "soundscape", *asked]
        run([*command, "--files", str(MIXED_MINUTES), "--out", str(target)], work)
    return target


def measure(key: str, judge: Path, soundscapes: Path, work: Path) -> list[dict[str, Any]]:
    """Measure the float model and the int8 model of a build.

    Args:
        key: name of the variant.
        judge: folder of the recordings that judge it.
        soundscapes: folder of the minutes that it hears, each with its table.
        work: the work folder.

    Returns:
        The measures of a :class:`Result`, for each form.
    """
    built = work / "build" / key
    contract = read_contract(built / "train" / CONFIG)
    models = {
        "float": (api.load_model(built / "train" / FLOAT_MODEL, contract), contract),
        "int8": ((built / "verify" / MODEL).read_bytes(), read_contract(built / "verify" / CONFIG)),
    }
    files = [(path, label.name) for label in sorted(judge.iterdir()) for path in sorted(label.iterdir())]
    found = []
    for form, (model, of) in models.items():

        def score(path: Path, model: object = model, of: ModelContract = of) -> Floats:
            windows = api.cut_windows(api.read_recording(path, of), of)
            return api.predict(model, of, windows)

        scored = [score(path) for path, _ in files]
        columns = np.array([of.labels.index(label) for _, label in files])
        cmap, top1 = rank_files(np.stack([one.max(axis=0) for one in scored]), columns)
        cmap_of_mean, top1_of_mean = rank_files(np.stack([one.mean(axis=0) for one in scored]), columns)
        minutes = [path for path in sorted(soundscapes.glob("*.flac")) if path.with_suffix(TABLE).is_file()]
        spec = of.frontend
        heard = measure_hearing(
            [(score(path), read_calls(path.with_suffix(TABLE), of.labels)) for path in minutes],
            of.labels,
            window_s=spec.window_s,
            hop_s=spec.window_shape.hop_samples / spec.sample_rate_hz,
            minutes=len(minutes),
        )
        found.append(
            {
                "form": form,
                "cmap": cmap,
                "top1": top1,
                "cmap_of_mean": cmap_of_mean,
                "top1_of_mean": top1_of_mean,
                "heard": heard,
            }
        )
    return found


def rank_files(scores: Floats, columns: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Return cMAP and the share of files whose strongest class is right.

    Args:
        scores: float32 ``[files, classes]``.
        columns: the class of each file, int64 ``[files]``.
    """
    each = [average_precision_score(columns == one, scores[:, one]) for one in np.unique(columns)]
    return float(np.mean(each)), float(np.mean(scores.argmax(axis=1) == columns))


def read_results(path: Path) -> list[Result]:
    """Read the results of earlier runs."""
    if not path.is_file():
        return []
    return [
        Result(**{**one, "heard": Heard(**one["heard"])})
        for one in json.loads(path.read_text(encoding="utf-8"))
    ]


def write_results(results: Sequence[Result], path: Path) -> None:
    """Keep the results for the next run."""
    path.write_text(json.dumps([asdict(one) for one in results], indent=1), encoding="utf-8")


def print_table(results: Sequence[Result]) -> None:
    """Print a line for each recipe and form: the mean over seeds and folds, and the standard deviation."""
    print(
        "| | | folds x seeds | cMAP | top-1 | cMAP of means | top-1 of means | recall at 1 FA/min | AUPRC |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    groups: dict[tuple[str, str], list[Result]] = {}
    for one in results:
        groups.setdefault((one.recipe, one.form), []).append(one)
    for (name, form), group in groups.items():
        columns = [[getattr(one, key) for one in group] for key in MEASURES]
        columns += [[one.heard.recall for one in group], [one.heard.average_precision for one in group]]
        cells = [f"{mean(column):.3f} ± {pstdev(column):.3f}" for column in columns]
        count = f"{len({one.fold for one in group})} x {len({one.seed for one in group})}"
        print(f"| {RECIPES[name].title} | {form} | {count} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
