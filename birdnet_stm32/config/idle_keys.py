"""Find keys of a variant file that change nothing, because another key makes them useless.

A key that is read and then ignored is misleading: somebody sets ``[train] epochs`` beside a checkpoint and
believes that the model was trained longer. Such a key is refused, and the reason is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from birdnet_stm32.boards import folders
from birdnet_stm32.config.variant import Variant

_SPECTROGRAM_KEYS = ("fft_length", "layout", "input_compression")


@dataclass(frozen=True, kw_only=True)
class IdleKey:
    """A key without effect: its table, its name (empty for the whole table), and the reason."""

    table: str
    key: str
    why: str


@dataclass(frozen=True, kw_only=True)
class _Rule:
    """When keys of a table change nothing.

    Args:
        table: name of the table.
        keys: names of the keys; empty for all keys.
        unless: keys to which the rule does not apply.
        applies: returns whether the variant makes the keys useless.
        why: the reason, for people.
    """

    table: str
    keys: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    applies: Callable[[Variant], bool]
    why: str


def _teaches_nothing(variant: Variant) -> bool:
    """Return whether the scores of a variant's teacher would change nothing."""
    teacher = variant.teacher
    weightless = teacher is not None and not teacher.weight and not teacher.embedding_weight
    return weightless and variant.windows.select != "teacher"


_OF_TRAINING = ("run", "train", "augment", "teacher")
_RULES = (
    *(
        _Rule(
            table=table,
            applies=lambda variant: variant.model.checkpoint is not None,
            why="[model] checkpoint names a trained model, and nothing is trained",
        )
        for table in _OF_TRAINING
    ),
    _Rule(
        table="augment",
        keys=("mix_level_db",),
        applies=lambda variant: variant.augment.mixup == 0,
        why="mixup = 0 mixes no other window in",
    ),
    _Rule(
        table="augment",
        keys=("background_snr_db",),
        applies=lambda variant: variant.augment.background == 0,
        why="background = 0 mixes no background in",
    ),
    _Rule(
        table="train",
        keys=("learn", "backbone_rate", "head"),
        applies=lambda variant: variant.model.checkpoint is None and variant.train.start is None,
        why="[train] start names no model to start from",
    ),
    _Rule(
        table="train",
        unless=("start", "start_config", "learn", "head", "calibrate", "refit", "seed"),
        applies=lambda variant: variant.model.checkpoint is None and variant.train.only_probes,
        why='with learn = "head", the linear probe is the whole training',
    ),
    _Rule(
        table="augment",
        applies=lambda variant: variant.model.checkpoint is None and variant.train.only_probes,
        why='[train] learn = "head" with a linear probe hears every window as it is',
    ),
    _Rule(
        table="train",
        keys=("backbone_rate",),
        applies=lambda variant: variant.train.start is not None and variant.train.learn == "head",
        why='with learn = "head", no other layer learns',
    ),
    _Rule(
        table="index",
        keys=("test_share",),
        applies=lambda variant: any(
            value is not None
            for value in (variant.evaluate.root, variant.evaluate.soundscapes, variant.evaluate.folds)
        ),
        why="[evaluate] takes other recordings, and there is no test split",
    ),
    _Rule(
        table="evaluate",
        keys=("names", "species_column"),
        applies=lambda variant: variant.evaluate.soundscapes is None,
        why="only the tables of calls in [evaluate] soundscapes name species",
    ),
    _Rule(
        table="evaluate",
        keys=("folds",),
        applies=lambda variant: variant.model.checkpoint is not None,
        why="[model] checkpoint names a trained model, and no model is trained for a fold",
    ),
    _Rule(
        table="evaluate",
        keys=("pooling",),
        applies=lambda variant: variant.evaluate.soundscapes is not None,
        why="annotated calls are measured window by window",
    ),
    _Rule(
        table="evaluate",
        keys=("firmware_windows",),
        applies=lambda variant: (
            variant.evaluate.folds is not None or not folders.having("emulator", variant.firmware.boards)
        ),
        why="only the firmware of an emulated board computes windows, those of recordings that it did not "
        "learn from",
    ),
    _Rule(
        table="thresholds",
        keys=("lowest", "highest"),
        applies=lambda variant: (
            variant.thresholds.precision is None and variant.thresholds.false_alarms_per_hour is None
        ),
        why="without precision or false_alarms_per_hour no threshold is chosen",
    ),
    _Rule(
        table="windows",
        keys=("best",),
        applies=lambda variant: variant.windows.select == "all",
        why='[windows] select = "all" takes every window',
    ),
    _Rule(
        table="windows",
        keys=("min_activity_db",),
        applies=lambda variant: variant.windows.select != "active",
        why='only [windows] select = "active" looks at it',
    ),
    _Rule(
        table="windows",
        keys=("min_score",),
        applies=lambda variant: variant.windows.select != "teacher",
        why='only [windows] select = "teacher" looks at it',
    ),
    _Rule(
        table="teacher",
        applies=_teaches_nothing,
        why="nothing is learned from a teacher with weight = 0 and embedding_weight = 0, unless "
        '[windows] select is "teacher"',
    ),
    _Rule(
        table="fetch",
        applies=lambda variant: variant.index.root is not None,
        why="[index] root names another folder, and what is downloaded would not be used",
    ),
    _Rule(
        table="model",
        keys=_SPECTROGRAM_KEYS,
        applies=lambda variant: variant.model.frontend == "raw",
        why='[model] frontend = "raw" feeds the waveform, and there is no spectrogram',
    ),
    _Rule(
        table="qat",
        unless=("when",),
        applies=lambda variant: "qat" not in variant.recipes,
        why="the recipe qat is not among those that are tried",
    ),
    _Rule(
        table="quantize",
        keys=("select",),
        applies=lambda variant: len(variant.recipes) == 1,
        why="only one recipe is tried, and there is nothing to select from",
    ),
    _Rule(
        table="quantize",
        keys=("recipes",),
        applies=lambda variant: variant.qat.when == "always",
        why='[qat] when = "always" tries the recipe qat alone',
    ),
    _Rule(
        table="convert",
        keys=("percentile",),
        applies=lambda variant: variant.convert.ranges != "percentile",
        why='only [convert] ranges = "percentile" looks at it',
    ),
    _Rule(
        table="codegen",
        keys=("head_classes",),
        applies=lambda variant: not variant.codegen.split_head,
        why="without split_head = true no memory is reserved for other heads",
    ),
    _Rule(
        table="npu",
        applies=lambda variant: variant.codegen.backend != "stedgeai",
        why='only [codegen] backend = "stedgeai" uses the NPU',
    ),
    _Rule(
        table="firmware",
        keys=("header_version",),
        applies=lambda variant: not folders.having("flash", variant.firmware.boards),
        why="only a board that boots from a flash has a boot header, and [firmware] boards lists none",
    ),
    _Rule(
        table="emulate",
        applies=lambda variant: not folders.having("emulator", variant.firmware.boards),
        why="only a board with an emulator is emulated, and [firmware] boards lists none",
    ),
)


def find_idle_keys(variant: Variant) -> tuple[IdleKey, ...]:
    """Return the keys that the variant file sets and that change nothing, in the order of its tables."""
    found = []
    for rule in _RULES:
        if rule.table not in variant.model_fields_set or not rule.applies(variant):
            continue
        given = getattr(variant, rule.table).model_fields_set - set(rule.unless)
        keys = sorted(given & set(rule.keys)) if rule.keys else sorted(given)
        found += [IdleKey(table=rule.table, key=key, why=rule.why) for key in keys]
    return tuple(found)
