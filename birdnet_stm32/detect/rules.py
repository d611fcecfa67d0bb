"""When a class counts as heard, and what one event of it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.config.detect_table import DetectTable, SpeciesRuleTable
from birdnet_stm32.detect.fixed_point import threshold_to_fixed
from birdnet_stm32.errors import InputError
from birdnet_stm32.spelling import did_you_mean
from birdnet_stm32.terminal_text import counted

DEFAULT_NEED = 2
DEFAULT_WINDOWS = 3
MOST_WINDOWS = 32
"""Greatest number of windows that decide together: the C keeps a bit for each of them."""
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
    _check_labels(table, labels)
    own = {label: one.threshold for label, one in table.species.items() if one.threshold is not None}
    return Rules(
        labels=tuple(labels),
        thresholds=tuple(
            own.get(label, threshold) for label, threshold in zip(labels, thresholds, strict=True)
        ),
        others=make_rule(table, shape),
        own={label: make_rule(table, shape, label=label, own=one) for label, one in table.species.items()},
        shape=shape,
    )


def make_rule(
    table: DetectTable, shape: WindowShape, *, label: str = "", own: SpeciesRuleTable | None = None
) -> EventRule:
    """Return a rule in windows and samples.

    Args:
        table: what the variant asks for, ``[detect]``.
        shape: rate, length and hop of the windows.
        label: the species whose rule it is; empty for that of all others.
        own: the rule of this species in the variant.

    Raises:
        InputError: the rule is impossible with these windows.
    """
    where = f'[detect.species."{label}"]' if label else "[detect]"
    given = {} if own is None else own.model_dump(exclude_none=True)
    if "rule" in given and table.need is not None and given["rule"] != "confirm":
        given.setdefault("need", None)
    asked = table.model_copy(update=given)
    windows = _windows_within(asked.within_s, shape, where)
    if asked.rule in ("confirm", "max"):
        need = 1 if asked.rule == "max" else min(DEFAULT_NEED, windows) if asked.need is None else asked.need
        judgement = Judgement.CONFIRM
    else:
        need, judgement = 1, Judgement(asked.rule)
    hop_s = shape.hop_samples / shape.sample_rate_hz
    if need > windows:
        raise InputError(
            f"need = {need} can never be reached: only {counted(windows, 'window')} "
            f"{'starts' if windows == 1 else 'start'} within {asked.within_s or windows * hop_s:.4g} s",
            where=where,
            expected=f"need of at most {windows}, since a window starts every {hop_s:.4g} s",
            remedy=f"write need = {windows}, or within_s = {need * hop_s:.4g}",
        )

    def samples(seconds: float) -> int:
        return round(seconds * shape.sample_rate_hz)

    return EventRule(
        judgement=judgement,
        need=need,
        windows=windows,
        join=max(1, windows - 1, (shape.window_samples + samples(asked.gap_s)) // shape.hop_samples),
        longest_samples=samples(asked.longest_s),
        hold_off_samples=samples(asked.hold_off_s),
        most_per_hour=asked.most_per_hour or 0,
    )


def _windows_within(within_s: float | None, shape: WindowShape, where: str) -> int:
    """Return how many windows start within a time."""
    if within_s is None:
        return DEFAULT_WINDOWS
    windows = round(within_s * shape.sample_rate_hz) // shape.hop_samples
    hop_s = shape.hop_samples / shape.sample_rate_hz
    if windows < 1:
        raise InputError(
            f"within_s = {within_s:g} holds no window: a window starts every {hop_s:.4g} s",
            where=where,
            expected=f"at least {hop_s:.4g}",
        )
    if windows > MOST_WINDOWS:
        raise InputError(
            f"within_s = {within_s:g} holds {counted(windows, 'window')}",
            where=where,
            expected=f"at most {MOST_WINDOWS} windows, which is {MOST_WINDOWS * hop_s:.4g} s",
        )
    return windows


def _check_labels(table: DetectTable, labels: Sequence[str]) -> None:
    for label in table.species:
        if label not in labels:
            raise InputError(
                f"the model has no class {label!r}",
                where="[detect.species]",
                expected="the label of a class, as labels.txt has it",
                remedy=did_you_mean(label, labels) or (),
            )
