"""The accuracy of a release in words: the first lines of the report, and what would help."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from birdnet_stm32.evaluate.accuracy_document import Estimate, EvaluateDocument, FormAccuracy
from birdnet_stm32.evaluate.accuracy_gates import POOR_FALSE_ALARMS_PER_HOUR, POOR_RECALL
from birdnet_stm32.evaluate.short_names import short_names
from birdnet_stm32.terminal_text import counted, first_names

WIDEST = 0.5  # of the interval of a share: a wider one says nothing but "too few recordings"
FEW_RECORDINGS = 10  # of a species
MOST_ADVICE = 3  # lines


def statements(document: EvaluateDocument) -> tuple[str, ...]:
    """Return the result in sentences, the most important first."""
    if not document.forms:
        return ("The accuracy was not measured, because no recording was held out for it.",)
    form = flashed_form(document)
    of_calls = document.unit == "call"
    first = _calls(document, form) if of_calls else _files(document, form)
    return tuple(
        sentence
        for sentence in (
            _learned(document),
            _chance(document),
            first,
            None if of_calls else _top1(form),
            _class_mean(form),
            *_between_forms(document),
            _missing(document),
        )
        if sentence
    )


def flashed_form(document: EvaluateDocument) -> FormAccuracy:
    """Return the form that a board computes: int8, or the last form where there is no int8 model."""
    return next((form for form in document.forms if form.form == "int8"), document.forms[-1])


def share_text(estimate: Estimate) -> str:
    """Return a share in words, or its interval where this is too wide for a number.

    >>> share_text(Estimate(value=0.61, low=0.48, high=0.73))
    '61 %'
    >>> share_text(Estimate(value=0.5, low=0.02, high=0.98))
    '2 to 98 %'
    """
    if too_wide(estimate):
        return f"{100 * estimate.low:.0f} to {100 * estimate.high:.0f} %"
    return f"{100 * estimate.value:.0f} %"


def _interval_text(estimate: Estimate, of: str) -> str:
    """Return what stands in brackets behind a share: its interval, and what it was measured on.

    >>> _interval_text(Estimate(value=0.61, low=0.48, high=0.73), "9 recordings")
    '48 to 73 % at 95 %; 9 recordings'
    """
    if too_wide(estimate):
        return f"too few recordings for a number: {of}"
    return f"{100 * estimate.low:.0f} to {100 * estimate.high:.0f} % at 95 %; {of}"


def too_wide(estimate: Estimate) -> bool:
    """Whether the interval of a share is too wide for its value to be told."""
    return estimate.high - estimate.low > WIDEST


def _alarms_text(estimate: Estimate | None, hours: float) -> str:
    """Return false alarms an hour in words.

    >>> _alarms_text(Estimate(value=1, low=0.2, high=3.04), hours=5)
    '1 false alarm an hour'
    >>> _alarms_text(Estimate(value=0, low=0, high=37), hours=0.1)
    'no false alarm in 6 minutes, which means at most 37 an hour'
    """
    if estimate is None:
        return "an unknown number of false alarms"
    if estimate.value == 0:
        return (
            f"no false alarm in {hours_text(hours)}, which means at most {rate_text(estimate.high)} an hour"
        )
    text = rate_text(estimate.value)
    return f"{text} false alarm{'' if text == '1' else 's'} an hour"


def hours_text(hours: float) -> str:
    """Return a length of time in words.

    >>> hours_text(0.01), hours_text(0.5), hours_text(3.0)
    ('36 seconds', '30 minutes', '3 hours')
    """
    if hours * 60 < 2:
        return f"{hours * 3600:.0f} seconds"
    return f"{hours * 60:.0f} minutes" if hours < 2 else f"{hours:,.3g} hours"


def rate_text(value: float) -> str:
    """Return a number of events an hour with two digits.

    >>> [rate_text(value) for value in (0, 0.034, 1.0, 3.04, 15.6, 930.4, 12345)]
    ['0', '0.034', '1', '3', '16', '930', '12,345']
    """
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _calls(document: EvaluateDocument, form: FormAccuracy) -> str:
    of = counted(document.recordings, "recording")
    if form.overall_recall is None:
        return (
            f"No call of a species of the model is in {of} of {hours_text(document.hours)}. It gives "
            f"{_alarms_text(form.false_alarms_per_hour, document.hours)} there."
        )
    calls = counted(sum(one.calls for one in form.species), "call")
    return (
        f"Finds {share_text(form.overall_recall)} of the calls of {_species(form)} with "
        f"{_alarms_text(form.false_alarms_per_hour, document.hours)} "
        f"({_interval_text(form.overall_recall, f'{calls} in {of}')})."
    )


def _files(document: EvaluateDocument, form: FormAccuracy) -> str:
    if form.overall_recall is None:
        return (
            f"None of {counted(document.recordings, 'recording')} holds a species of the model. It gives "
            f"{_alarms_text(form.false_alarms_per_hour, document.hours)} there."
        )
    return (
        f"Recognises the species in {share_text(form.overall_recall)} of {_units(form)} with "
        f"{_alarms_text(form.false_alarms_per_hour, document.hours)} "
        f"({_interval_text(form.overall_recall, _species(form))})."
    )


def _species(form: FormAccuracy) -> str:
    count = len(form.species)
    return "1 species" if count == 1 else f"these {count} species"


def _units(form: FormAccuracy) -> str:
    """Return the files of species, and their recordings where these are fewer."""
    files = sum(one.files for one in form.species)
    recordings = sum(one.recordings for one in form.species)
    if files == recordings:
        return counted(files, "recording")
    return f"{counted(files, 'file')} of {counted(recordings, 'recording')}"


def _top1(form: FormAccuracy) -> str | None:
    if form.top1 is None:
        return None
    low, high = 100 * form.top1.low, 100 * form.top1.high
    spread = "" if too_wide(form.top1) else f" ({low:.0f} to {high:.0f} %)"
    return f"The strongest class is right in {share_text(form.top1)} of these recordings{spread}."


def _class_mean(form: FormAccuracy) -> str | None:
    value = form.class_mean_average_precision
    if value is None:
        return None
    if too_wide(value):
        return f"cmAP between {value.low:.2f} and {value.high:.2f}, the mean over {_species(form)}."
    return f"cmAP {value.value:.3f} ({value.low:.2f} to {value.high:.2f}), the mean over {_species(form)}."


def _between_forms(document: EvaluateDocument) -> list[str]:
    """Say what int8 costs, and whether the firmware gives what int8 gives."""
    by_name = {form.form: form for form in document.forms}
    sentences = []
    if "float" in by_name and "int8" in by_name:
        before = by_name["float"].class_mean_average_precision
        after = by_name["int8"].class_mean_average_precision
        if before is not None and after is not None:
            sentences.append(_int8_loss(before.value, after.value, document.int8_loss))
    if "firmware" in by_name and "int8" in by_name:
        firmware, int8 = by_name["firmware"], by_name["int8"]
        windows = counted(firmware.windows, "window")
        same = firmware.overall_recall == int8.overall_recall and (
            firmware.false_alarms_per_hour == int8.false_alarms_per_hour
        )
        sentences.append(
            f"In the {windows} that the emulated firmware computed, it "
            + ("detects what int8 detects." if same else "does not detect what int8 detects.")
        )
    return sentences


def _int8_loss(before: float, after: float, loss: Estimate | None = None) -> str:
    """Say what int8 costs in cmAP.

    >>> _int8_loss(0.6312, 0.6101)
    'int8 loses 0.021 cmAP against the float model (0.631 to 0.610).'
    >>> _int8_loss(0.6312, 0.6101, Estimate(value=0.0211, low=-0.01, high=0.0522))
    'int8 loses 0.021 cmAP against the float model (0.631 to 0.610), which may be chance.'
    >>> _int8_loss(1.0, 1.0)
    'int8 has the cmAP of the float model.'
    """
    if round(abs(before - after), 3) == 0:
        return "int8 has the cmAP of the float model."
    verdict = "loses" if before > after else "gains"
    change = f"({before:.3f} to {after:.3f})"
    chance = ", which may be chance" if loss is not None and loss.low <= 0 <= loss.high else ""
    return f"int8 {verdict} {abs(before - after):.3f} cmAP against the float model {change}{chance}."


def _learned(document: EvaluateDocument) -> str | None:
    if document.learned:
        return (
            f"The model learned from {counted(document.learned, 'recording')} of these, so every number "
            "here is too high."
        )
    if document.learned_unknown:
        return (
            "Nobody knows all that this model learned from. If it learned from some of these recordings, "
            "every number here is too high."
        )
    return None


def _chance(document: EvaluateDocument) -> str | None:
    if not _at_chance(document) or document.hearing is None:
        return None
    return f"The model hears no better than chance: {document.hearing.sentence}."


def _at_chance(document: EvaluateDocument) -> bool:
    return document.hearing is not None and document.hearing.above_chance is False


def _missing(document: EvaluateDocument) -> str | None:
    if not document.missing:
        return None
    return f"Not measured, because no recording holds them: {_names(document.missing)}."


def _names(labels: Sequence[str]) -> str:
    """Return the first of some species by their short names, and how many more there are."""
    return first_names(list(short_names(labels).values()), most=3)


def advice(document: EvaluateDocument) -> tuple[str, ...]:
    """Return what would help, the most useful first, at most three; nothing where the model hears well."""
    if not document.forms:
        return ("Give at least 4 recordings of each species: a fifth of them is then held out.",)
    form = flashed_form(document)
    lines = [*_for_measuring(document, form)]
    if _at_chance(document):
        lines.insert(
            0,
            "Train longer, or on more recordings of each species, and check that each folder holds what its "
            "name says. No threshold helps a model at chance.",
        )
    else:
        lines += [*_for_finding(form), *_against_false_alarms(form)]
    return tuple(lines[:MOST_ADVICE])


def _for_measuring(document: EvaluateDocument, form: FormAccuracy) -> Iterator[str]:
    """Yield what would make the numbers say more."""
    few = [one.label for one in form.species if one.recordings < FEW_RECORDINGS]
    recall = form.overall_recall
    if recall is None or too_wide(recall) or (few and recall.value < POOR_RECALL):
        wanted = [*few, *document.missing]
        of = _of(wanted, len(form.species) + len(document.missing))
        folds = ", or on all of them in turn (`[evaluate] folds`)" if document.source == "test split" else ""
        yield (
            f"Measure on more recordings{of}{folds}: with fewer than {FEW_RECORDINGS} of a species, its "
            "number says little."
        )


def _of(labels: Sequence[str], species: int) -> str:
    """Return of which of all species something is needed; empty for none of them.

    >>> _of(["owl"], 4), _of(["owl", "wren", "gull", "tit"], 4)
    (' of owl', ' of each species')
    """
    if not labels:
        return ""
    return " of each species" if 3 < len(labels) == species else f" of {_names(labels)}"


def _for_finding(form: FormAccuracy) -> Iterator[str]:
    """Yield what would let a model find more."""
    recall = form.overall_recall
    if recall is None or recall.value >= POOR_RECALL:
        return
    weak = sorted(
        (one for one in form.species if one.recall is not None and one.recall.value < POOR_RECALL),
        key=lambda one: (one.recall.value if one.recall else 0, one.label),
    )
    yield f"Train on more recordings{_of([one.label for one in weak], len(form.species))}."
    alarms = form.false_alarms_per_hour
    if alarms is None or alarms.value <= POOR_FALSE_ALARMS_PER_HOUR:
        yield (
            "Lower the thresholds: `[thresholds]` chooses them by validation recordings, and the curve in "
            "the report shows what each costs in false alarms."
        )


def _against_false_alarms(form: FormAccuracy) -> Iterator[str]:
    """Yield what would let a model give fewer false alarms."""
    alarms = form.false_alarms_per_hour
    if alarms is None or alarms.value <= POOR_FALSE_ALARMS_PER_HOUR:
        return
    rates = {
        one.label: one.false_alarms_per_hour.value if one.false_alarms_per_hour else 0.0
        for one in form.species
    }
    worst = max(rates, key=lambda label: rates[label], default=None)
    most = f", most of all {_names([worst])}" if worst is not None and rates[worst] > 0 else ""
    yield (
        f"Train with more, and more varied, background: other birds, rain, wind, traffic of the place of "
        f"use. That lowers false alarms{most}."
    )
    yield (
        "Set `[thresholds] false_alarms_per_hour`: a species that is often heard wrongly gets a higher "
        "threshold."
    )
