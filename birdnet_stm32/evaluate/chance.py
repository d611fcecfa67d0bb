"""Compare a model with chance: how good would its answers look if the classes were dealt out at random?

Two measures need no threshold. ``ranking`` says how often a window of a class gets a higher score for this
class than a window of anything else. ``top1`` says how often the strongest class of a window is right. The
chance level of each comes from a permutation test: the classes of the recordings are shuffled a thousand
times, while the scores stay. Windows of one recording keep one class, because they are similar: if single
windows were shuffled, chance would vary too little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import computed_field

from birdnet_stm32.gates import Direction, Gate, failures, judge
from birdnet_stm32.terminal_text import counted

Floats = npt.NDArray[np.floating]
Indices = npt.NDArray[np.int64]

SHUFFLES = 1_000
CONFIDENCE = 0.95  # share of the shuffles that a model has to beat
SEED = 0
_UNKNOWN = "whether the model hears was not measured"
BACKGROUND = -1  # the class of a window that holds no species


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One measure of a model, beside what shuffled classes give.

    Args:
        measured: the model's value, from 0 to 1.
        chance: the mean over the shuffles.
        chance_high: the value that 95 % of the shuffles stay at or below.
    """

    measured: float
    chance: float
    chance_high: float


@dataclass(frozen=True, kw_only=True)
class Hearing:
    """What a model hears on labelled windows, compared with chance.

    Args:
        windows: how many were judged.
        recordings: how many recordings they come from.
        unknown_windows: how many were left out, because their class is none of the model's.
        ranking: share of pairs that are ranked rightly, as the mean over classes of the area under the ROC
            curve; None where no class has both windows and windows of something else.
        top1: share of the windows of a species whose strongest class is right; None where the windows hold
            fewer than two species.
        provable: there are enough recordings for a perfect model to beat 95 % of the shuffles.
        split: the split that the windows are of, ``validation`` or ``test``.
    """

    windows: int
    recordings: int
    unknown_windows: int
    ranking: Measure | None
    top1: Measure | None
    provable: bool
    split: str = "validation"

    def gates(self, *, waiver: str | None = None) -> tuple[Gate, ...]:
        """Return what the model has to reach in order to hear more than chance; empty without a ranking.

        With few recordings even a perfect model cannot beat 95 % of the shuffles. The model then has to be
        above their mean, no more.

        Args:
            waiver: the reason why a model at chance is allowed, if it is.
        """
        if self.ranking is None:
            return ()
        bar = self.ranking.chance_high if self.provable else self.ranking.chance
        gates = [
            judge(
                "ranking_above_chance",
                "share of pairs that are ranked rightly",
                self.ranking.measured,
                Direction.MORE_THAN,
                bar,
                waiver=waiver,
            )
        ]
        if self.top1 is not None:
            gates.append(
                judge(
                    "top1_above_chance",
                    "share of windows whose strongest class is right",
                    self.top1.measured,
                    Direction.MORE_THAN,
                    self.top1.chance,
                    waiver=waiver,
                )
            )
        return tuple(gates)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def above_chance(self) -> bool | None:
        """Whether the model hears more than chance; None where the windows cannot tell."""
        gates = self.gates()
        return not failures(gates) if gates else None

    @property
    def shown(self) -> bool:
        """Whether the windows show that the model hears: it is above chance, and chance cannot reach that."""
        return self.provable and self.above_chance is True

    @property
    def sentence(self) -> str:
        """What was measured and what chance gives, for people."""
        if not self.windows:
            return f"{_UNKNOWN}: no {self.split} window is of a class that it knows"
        if self.ranking is None:
            windows = counted(self.windows, f"{self.split} window")
            return f"{_UNKNOWN}: all {windows} that could tell are of one class"
        judged = (
            f"ranks {100 * self.ranking.measured:.0f} % of pairs rightly "
            f"(chance {100 * self.ranking.chance:.0f} %, at most {100 * self.ranking.chance_high:.0f} %)"
        )
        if self.top1 is not None:
            judged = (
                f"the strongest class is right in {100 * self.top1.measured:.0f} % of the windows of a "
                f"species (chance {100 * self.top1.chance:.0f} %); {judged}"
            )
        few = "" if self.provable else ", which are too few to tell hearing from luck"
        recordings = counted(self.recordings, "recording")
        return f"{judged}; {counted(self.windows, f'{self.split} window')} of {recordings}{few}"


def hearing(
    scores: Floats,
    targets: Floats,
    recordings: Indices,
    *,
    unknown_windows: int = 0,
    split: str = "validation",
) -> Hearing:
    """Compare a model's scores with chance.

    Args:
        scores: [windows, classes], any scale that grows with the model's confidence.
        targets: [windows, classes], 1 for the class of a window and 0 elsewhere; background is all zero.
        recordings: [windows], the number of the recording of each window, from 0.
        unknown_windows: how many windows more there were, of classes that the model does not know.
        split: the split that the windows are of.
    """
    classes = np.where(targets.any(axis=1), targets.argmax(axis=1), BACKGROUND).astype(np.int64)
    return Hearing(
        windows=len(classes),
        recordings=len(np.unique(recordings)),
        unknown_windows=unknown_windows,
        split=split,
        **_measures(np.asarray(scores, np.float64), classes, recordings),
    )


def _measures(scores: npt.NDArray[np.float64], classes: Indices, recordings: Indices) -> dict[str, Any]:
    """Return the fields of :class:`Hearing` that need the shuffles."""
    if len(np.unique(classes)) < 2:
        return {"ranking": None, "top1": None, "provable": False}
    rng = np.random.default_rng(SEED)
    of_recording = np.zeros(recordings.max() + 1, np.int64)
    of_recording[recordings] = classes
    shuffled = [rng.permutation(of_recording)[recordings] for _ in range(SHUFFLES)]
    ranks, strongest = _ranks(scores), scores.argmax(axis=1)
    ranking = _measure(_ranking(ranks, classes), [_ranking(ranks, dealt) for dealt in shuffled])
    top1 = None
    if len(np.unique(classes[classes != BACKGROUND])) > 1:
        top1 = _measure(_top1(strongest, classes), [_top1(strongest, dealt) for dealt in shuffled])
    # A perfect model scores the right class alone. What do the shuffles make of it?
    perfect = (classes[:, np.newaxis] == np.arange(scores.shape[1])).astype(np.float64)
    perfect_ranks = _ranks(perfect)
    best = [_ranking(perfect_ranks, dealt) for dealt in shuffled]
    provable = float(np.quantile(best, CONFIDENCE)) < _ranking(perfect_ranks, classes)
    return {"ranking": ranking, "top1": top1, "provable": provable}


def _measure(measured: float, shuffled: Sequence[float]) -> Measure:
    return Measure(
        measured=measured,
        chance=float(np.mean(shuffled)),
        chance_high=float(np.quantile(shuffled, CONFIDENCE)),
    )


def _ranks(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the rank of each window by each class, from 1, equal scores sharing their mean rank."""
    from scipy.stats import rankdata

    ranks: npt.NDArray[np.float64] = rankdata(scores, axis=0)
    return ranks


def _ranking(ranks: npt.NDArray[np.float64], classes: Indices) -> float:
    """Return the mean over classes of the area under the ROC curve, by the rank sums of Mann and Whitney."""
    windows, class_count = ranks.shape
    species = classes != BACKGROUND
    members = np.bincount(classes[species], minlength=class_count)
    sums = np.bincount(classes[species], weights=ranks[species, classes[species]], minlength=class_count)
    judged = (members > 0) & (members < windows)
    inside = members[judged]
    areas = (sums[judged] - inside * (inside + 1) / 2) / (inside * (windows - inside))
    return float(areas.mean())


def _top1(strongest: Indices, classes: Indices) -> float:
    species = classes != BACKGROUND
    return float(np.mean(strongest[species] == classes[species]))
