"""Measured values with their intervals as text, for tables, and the accuracy of a release in one line.

A share whose interval is too wide is not written as a number: the interval stands alone, because the value
inside it says nothing.
"""

from __future__ import annotations

from birdnet_stm32.evaluate.accuracy_document import Estimate, EvaluateDocument
from birdnet_stm32.evaluate.sentences import flashed_form, rate_text, too_wide
from birdnet_stm32.terminal_text import counted

NOT_MEASURED = "–"


def share_with_interval(share: Estimate | None, *, dash: str = "–") -> str:
    """Return a share in per cent with its interval, or the interval alone where it is too wide.

    Args:
        share: the share, from 0 to 1; None where nothing was measured.
        dash: what stands between the ends of the interval.

    >>> share_with_interval(Estimate(value=0.61, low=0.48, high=0.73), dash="-")
    '61 % (48-73)'
    >>> share_with_interval(Estimate(value=0.5, low=0.1, high=0.9), dash="-")
    '10-90 %'
    """
    if share is None:
        return NOT_MEASURED
    interval = f"{100 * share.low:.0f}{dash}{100 * share.high:.0f}"
    return f"{interval} %" if too_wide(share) else f"{100 * share.value:.0f} % ({interval})"


def score_with_interval(score: Estimate | None, *, dash: str = "–") -> str:
    """Return a score from 0 to 1, such as cmAP, in the way of :func:`share_with_interval`.

    >>> score_with_interval(Estimate(value=0.6021, low=0.512, high=0.69), dash="-")
    '0.602 (0.51-0.69)'
    """
    if score is None:
        return NOT_MEASURED
    interval = f"{score.low:.2f}{dash}{score.high:.2f}"
    return interval if too_wide(score) else f"{score.value:.3f} ({interval})"


def rate_with_interval(rate: Estimate | None, *, dash: str = "–") -> str:
    """Return a number of events an hour with its interval, or the interval alone where there were none.

    >>> rate_with_interval(Estimate(value=1.23, low=0.4, high=12.0), dash="-")
    '1.2 (0.4-12)'
    >>> rate_with_interval(Estimate(value=0, low=0, high=12.0), dash="-")
    '0-12'
    """
    if rate is None:
        return NOT_MEASURED
    interval = f"{rate_text(rate.low)}{dash}{rate_text(rate.high)}"
    return f"{rate_text(rate.value)} ({interval})" if rate.value else interval


def loss_text(loss: Estimate) -> str:
    """Return a loss of a score with its interval; a negative loss is a gain.

    >>> loss_text(Estimate(value=0.0211, low=-0.01, high=0.0522))
    '0.021 (-0.010 to 0.052)'
    """
    return f"{loss.value:.3f} ({loss.low:.3f} to {loss.high:.3f})"


def units(document: EvaluateDocument) -> str:
    """Return what recall counts, in the plural: calls; else recordings, or files where these are more."""
    if document.unit == "call":
        return "calls"
    return "recordings" if document.files == document.recordings else "files"


def accuracy_summary(document: EvaluateDocument) -> str:
    """Return the accuracy of a release in one line for the terminal.

    It describes the form of the model that a board runs: ``finds 61 % (48-73) of the calls at 1.2 false
    alarms an hour; 12 species, 9 recordings``. Where the recordings are too few for a number, the interval
    stands in its place.
    """
    scope = counted(document.recordings, "recording")
    form = flashed_form(document) if document.forms else None
    if form is None or form.overall_recall is None:
        return f"no recording of a species to measure accuracy on; {scope}"
    found = f"finds {share_with_interval(form.overall_recall, dash='-')} of the {units(document)}"
    # "species" is the same in the singular and in the plural.
    return (
        f"{found}{_false_alarms(form.false_alarms_per_hour)}; {len(form.species):,} species, "
        f"{scope}{_learned(document)}"
    )


def _false_alarms(rate: Estimate | None) -> str:
    """Return the false alarms of a summary; what none of them means depends on how long was listened."""
    if rate is None:
        return ""
    if rate.value == 0:
        return f" without a false alarm (at most {rate_text(rate.high)} an hour)"
    return f" at {rate_text(rate.value)} false alarms an hour"


def _learned(document: EvaluateDocument) -> str:
    """Return what a reader has to know of the recordings beside the figures; empty if there is nothing."""
    if document.learned:
        return f", of which the model learned {document.learned:,}: the figures are too high"
    return "; nobody knows what the model learned from" if document.learned_unknown else ""
