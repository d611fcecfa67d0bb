"""Accuracy in a few words: measured values with their intervals as text, and a release in one line.

A share that was measured on few recordings is not written as a number. Where its interval is wider than
``WIDEST_SHARE``, the interval stands alone, because the value inside it says nothing.
"""

from __future__ import annotations

from birdnet_stm32.evaluate.accuracy_document import Estimate, EvaluateDocument, FormAccuracy, Unit
from birdnet_stm32.terminal_text import counted

WIDEST_SHARE = 0.4
NOT_MEASURED = "–"
_UNITS: dict[Unit, str] = {"call": "calls", "recording": "recordings"}
_DEPLOYED = ("int8", "firmware")


def deployed_form(document: EvaluateDocument) -> FormAccuracy | None:
    """Return the form of the model that a board runs: int8, else firmware, else the first one."""
    by_name = {form.form: form for form in document.forms}
    return next((by_name[name] for name in (*_DEPLOYED, *by_name) if name in by_name), None)


def is_narrow(share: Estimate) -> bool:
    """Return whether the interval of a share is narrow enough for the share to be written as a number."""
    return share.high - share.low <= WIDEST_SHARE


def share_text(share: Estimate | None, *, dash: str = "–") -> str:
    """Return a share in per cent with its interval, or the interval alone where it is wide.

    Args:
        share: the share, from 0 to 1; None where nothing was measured.
        dash: what stands between the ends of the interval.

    >>> share_text(Estimate(value=0.61, low=0.48, high=0.73), dash="-")
    '61 % (48-73)'
    >>> share_text(Estimate(value=0.5, low=0.1, high=0.9), dash="-")
    '10-90 %'
    """
    if share is None:
        return NOT_MEASURED
    interval = f"{100 * share.low:.0f}{dash}{100 * share.high:.0f}"
    return f"{100 * share.value:.0f} % ({interval})" if is_narrow(share) else f"{interval} %"


def score_text(score: Estimate | None, *, dash: str = "–") -> str:
    """Return a score from 0 to 1, such as cmAP, with its interval, or the interval alone where it is wide.

    >>> score_text(Estimate(value=0.6021, low=0.512, high=0.69), dash="-")
    '0.602 (0.51-0.69)'
    """
    if score is None:
        return NOT_MEASURED
    interval = f"{score.low:.2f}{dash}{score.high:.2f}"
    return f"{score.value:.3f} ({interval})" if is_narrow(score) else interval


def rate_text(rate: Estimate | None, *, dash: str = "–") -> str:
    """Return a number of events in an hour with its interval.

    >>> rate_text(Estimate(value=1.23, low=0.4, high=12.0), dash="-")
    '1.2 (0.40-12)'
    """
    if rate is None:
        return NOT_MEASURED
    return f"{number_text(rate.value)} ({number_text(rate.low)}{dash}{number_text(rate.high)})"


def number_text(number: float) -> str:
    """Return a number of at least 0 with as many digits as a reader needs.

    >>> [number_text(number) for number in (0.0, 0.0123, 0.4, 1.25, 15.5, 930.0, 1234.0)]
    ['0', '0.012', '0.40', '1.2', '16', '930', '1,234']
    """
    if number == 0:
        return "0"
    if number < 0.1:
        return f"{number:.2g}"
    if number < 1:
        return f"{number:.2f}"
    return f"{number:.1f}" if number < 10 else f"{number:,.0f}"


def units(document: EvaluateDocument) -> str:
    """Return what recall counts, in the plural: ``calls`` or ``recordings``."""
    return _UNITS[document.unit]


def accuracy_line(document: EvaluateDocument) -> str:
    """Return the accuracy of a release in one line for the terminal.

    It describes the form of the model that a board runs: ``finds 61 % (48-73) of the calls at 1.2 false
    alarms an hour; 12 species, 9 recordings``. Where the recordings are too few for a number, the interval
    stands in its place.
    """
    form = deployed_form(document)
    scope = f"{counted(document.recordings, 'recording')}"
    if form is None or form.recall is None:
        return f"no recording of a species to measure accuracy on; {scope}"
    found = f"finds {share_text(form.recall, dash='-')} of the {units(document)}"
    alarms = form.false_alarms_per_hour
    at = "" if alarms is None else f" at {number_text(alarms.value)} false alarms an hour"
    # "species" is the same in the singular and in the plural.
    return f"{found}{at}; {len(form.species):,} species, {scope}{_learned(document)}"


def _learned(document: EvaluateDocument) -> str:
    """Return what a reader has to know of the recordings before the figures; empty if there is nothing."""
    if document.learned:
        return f", of which the model learned {document.learned:,}: the figures are too high"
    return "; nobody knows what the model learned from" if document.learned_unknown else ""
