"""When a class counts as heard, and what one event of it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.config.detect_table import MOST_WINDOWS, DetectTable
from birdnet_stm32.detect.fixed_point import threshold_to_fixed
from birdnet_stm32.errors import InputError
from birdnet_stm32.spelling import did_you_mean
from birdnet_stm32.terminal_text import counted

HOUR_S = 3_600


class Judgement(StrEnum):
    """How windows decide together."""

    CONFIRM = "confirm"  # so many of them reach the threshold
    AVERAGE = "avg"  # their average reaches it
    LOG_MEAN_EXP = "lme"  # a soft maximum of them reaches it


@dataclass(frozen=True, kw_only=True)
class EventRule:
    """When a class is heard, all times in windows or samples.

    Args:
        judgement: how windows decide together.
        need: for ``confirm``: how many of them have to reach the threshold, 1 to ``windows``.
        windows: how many windows, one after the other, decide together, 1 to 32.
        join: a window that counts belongs to the event before it if it comes at most so many windows after
            the last one that counts, at least 1.
        longest_samples: greatest length of an event that has more than one window.
        hold_off_samples: after the end of an event, how long no other begins; 0 for no such time.
        most_per_hour: greatest number of events that begin in the same hour; 0 for no limit.
    """

    judgement: Judgement
    need: int
    windows: int
    join: int
    longest_samples: int
    hold_off_samples: int = 0
    most_per_hour: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.need <= self.windows <= MOST_WINDOWS:
            raise InputError(
                f"{self.need} of {self.windows} windows cannot decide",
                expected=f"1 <= need <= windows <= {MOST_WINDOWS}",
            )
        if self.join < 1 or min(self.longest_samples, self.hold_off_samples, self.most_per_hour) < 0:
            raise InputError(
                f"the rule {self} has a number below its range", expected="see its documentation"
            )

    def sentence(self, shape: WindowShape) -> str:
        """Return the rule in words.

        >>> shape = WindowShape(sample_rate_hz=24_000, window_samples=60_000, hop_samples=30_000)
        >>> rule = EventRule(judgement=Judgement.CONFIRM, need=2, windows=3, join=2, longest_samples=0)
        >>> rule.sentence(shape)
        '2 of 3 windows within 3.75 s'
        """
        within = f"within {self.windows * shape.hop_samples / shape.sample_rate_hz:.4g} s"
        if self.judgement is Judgement.CONFIRM:
            if self.need == 1:
                return "1 window"
            return f"{self.need} of {counted(self.windows, 'window')} {within}"
        what = "average" if self.judgement is Judgement.AVERAGE else "log-mean-exp"
        return f"the {what} of {counted(self.windows, 'window')} {within}"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """When each class of a model is heard.

    Args:
        labels: names of the classes, in the order of the outputs.
        thresholds: probability from which a window of the class counts, for each class; above 0, up to 1.
        others: the rule of every class that has no rule of its own.
        own: own rules, by label.
        shape: rate, length and hop of the windows.
    """

    labels: tuple[str, ...]
    thresholds: tuple[float, ...]
    others: EventRule
    shape: WindowShape
    own: Mapping[str, EventRule]

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.thresholds):
            raise InputError(
                f"there are {counted(len(self.thresholds), 'threshold')} for "
                f"{counted(len(self.labels), 'class')}",
                expected="one threshold for each class, in the order of the outputs",
            )
        for label, threshold in zip(self.labels, self.thresholds, strict=True):
            if not 0 < threshold <= 1:
                raise InputError(
                    f"the threshold of {label} is {threshold}", expected="a probability above 0 and up to 1"
                )

    @property
    def of_class(self) -> tuple[EventRule, ...]:
        """The rule of each class."""
        return tuple(self.own.get(label, self.others) for label in self.labels)

    @property
    def fixed_thresholds(self) -> tuple[int, ...]:
        """The thresholds as integers, see :mod:`birdnet_stm32.detect.fixed_point`."""
        return tuple(map(threshold_to_fixed, self.thresholds))

    @property
    def sentence(self) -> str:
        """The rule in words, and how many species have another one.

        >>> make_rules(DetectTable(), ("wren",), (0.5,), WindowShape(
        ...     sample_rate_hz=24_000, window_samples=60_000, hop_samples=30_000)).sentence
        '2 of 3 windows within 3.75 s'
        """
        spoken = self.others.sentence(self.shape)
        return f"{spoken}; {len(self.own)} species by own rules" if self.own else spoken


def make_rules(
    table: DetectTable, labels: Sequence[str], thresholds: Sequence[float], shape: WindowShape
) -> Rules:
    """Return the rules of a model.

    Args:
        table: what the variant asks for, ``[detect]``.
        labels: names of the classes, in the order of the outputs.
        thresholds: the threshold of each class. An own threshold of a species replaces it.
        shape: rate, length and hop of the windows.

    Raises:
        InputError: the rule is impossible with these windows, or names a class that the model does not have.
    """
    return Rules(
        labels=tuple(labels),
        thresholds=with_own_thresholds(table, labels, thresholds),
        others=make_rule(table, shape),
        own={label: make_rule(table, shape, label=label) for label in table.species},
        shape=shape,
    )


def make_rule(table: DetectTable, shape: WindowShape, *, label: str = "") -> EventRule:
    """Return a rule in windows and samples.

    Args:
        table: what the variant asks for, ``[detect]``.
        shape: rate, length and hop of the windows.
        label: the species whose rule it is; empty for that of all others.

    Raises:
        InputError: the rule is impossible with these windows.
    """
    asked = table.of_species(label)
    try:
        need, windows = asked.decide_together(
            window_samples=shape.window_samples, sample_rate_hz=shape.sample_rate_hz
        )
    except ValueError as error:
        where = f'[detect.species."{label}"]' if label else "[detect]"
        raise InputError(str(error), where=where) from error

    def samples(seconds: float) -> int:
        return round(seconds * shape.sample_rate_hz)

    return EventRule(
        judgement=Judgement("confirm" if asked.rule == "max" else asked.rule),
        need=need,
        windows=windows,
        join=max(1, windows - 1, (shape.window_samples + samples(asked.gap_s)) // shape.hop_samples),
        longest_samples=samples(asked.longest_s),
        hold_off_samples=samples(asked.hold_off_s),
        most_per_hour=asked.most_per_hour or 0,
    )


def with_own_thresholds(
    table: DetectTable, labels: Sequence[str], thresholds: Sequence[float]
) -> tuple[float, ...]:
    """Return the thresholds of all classes, with those that species have in the variant.

    Args:
        table: what the variant asks for, ``[detect]``.
        labels: names of the classes, in the order of the outputs.
        thresholds: the threshold of each class.

    Raises:
        InputError: the variant names a class that the model does not have.
    """
    for label in table.species:
        if label not in labels:
            raise InputError(
                f"the model has no class {label!r}",
                where="[detect.species]",
                expected="the label of a class, as labels.txt has it",
                remedy=did_you_mean(label, labels) or (),
            )
    own = {label: one.threshold for label, one in table.species.items() if one.threshold is not None}
    return tuple(own.get(label, threshold) for label, threshold in zip(labels, thresholds, strict=True))
