from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from birdnet_stm32.evaluate.accuracy import measure_accuracy
from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument, FormAccuracy
from birdnet_stm32.evaluate.ground_truth import find_ground_truth
from birdnet_stm32.evaluate.pooling import pool_windows
from birdnet_stm32.evaluate.scored_windows import Call, ScoredRecording, ScoredWindows
from birdnet_stm32.files.document import document_text, parse_document

Make = Callable[..., ScoredWindows]

few_examples = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
seeds = st.integers(0, 2**32 - 1)


def measure(scored: ScoredWindows, threshold: float = 0.5) -> EvaluateDocument:
    return measure_accuracy(scored, dict.fromkeys(scored.labels, threshold), source="soundscapes")


def int8(document: EvaluateDocument) -> FormAccuracy:
    return next(form for form in document.forms if form.form == "int8")


def test_calls_by_hand(make_scored: Make) -> None:
    """Two wrens, one found; one robin, found; two alarms of owls that follow each other, one more apart."""
    calls = (
        Call(label="wren", start_s=0.5, end_s=2.5),
        Call(label="wren", start_s=6.5, end_s=8.5),
        Call(label="robin", start_s=3.5, end_s=5.5),
    )
    one = ScoredRecording(path="a.wav", recording="a", duration_s=36, labels=(), calls=calls)
    probabilities = np.zeros((12, 3))
    probabilities[0, 0] = 0.8
    probabilities[2, 0] = 0.3
    probabilities[1, 1] = 0.6
    probabilities[[4, 5, 9], 2] = [0.7, 0.9, 0.55]
    document = measure(make_scored([one], probabilities, [np.arange(12) * 3.0]))
    form = int8(document)
    assert form.overall_recall is not None
    assert form.overall_recall.value == pytest.approx(2 / 3)
    assert form.recall is not None
    assert form.recall.value == pytest.approx((1 / 2 + 1) / 2)
    assert form.false_alarms_per_hour is not None
    assert form.false_alarms_per_hour.value == pytest.approx(3 / 36 * 3600)
    assert form.false_alarm_runs_per_hour is not None
    assert form.false_alarm_runs_per_hour.value == pytest.approx(2 / 36 * 3600)
    assert form.precision is not None
    assert form.precision.value == pytest.approx(2 / 5)
    assert [(one.label, one.calls) for one in form.species] == [("wren", 2), ("robin", 1)]
    assert document.missing == ("owl",)
    assert document.unit == "call"
    assert document.confusion is None
    assert [(one.kind, one.label, one.start_s, one.probability) for one in document.mistakes] == [
        ("miss", "wren", 6.5, pytest.approx(0.3)),
        ("false alarm", "owl", 15.0, pytest.approx(0.9)),
        ("false alarm", "owl", 27.0, pytest.approx(0.55)),
    ]
    assert [(point.threshold, point.recall, point.false_alarms_per_hour) for point in form.curve] == [
        (pytest.approx(0.8), pytest.approx(1 / 3), 100),
        (pytest.approx(0.6), pytest.approx(2 / 3), 200),
        (pytest.approx(0.3), pytest.approx(1), 300),
    ]


def test_files_by_hand(make_scored: Make) -> None:
    files = [
        ScoredRecording(path="a", recording="a", duration_s=6, labels=("wren",)),
        ScoredRecording(path="b", recording="b", duration_s=6, labels=("robin",), unjudged=("owl",)),
        ScoredRecording(path="c", recording="c", duration_s=6, labels=()),
    ]
    probabilities = [
        [0.2, 0.0, 0.0], [0.9, 0.0, 0.8],  # a: right, and an owl
        [0.6, 0.0, 1.0], [0.6, 0.4, 1.0],  # b: missed, and a wren twice; its owls are unjudged
        [0.0, 0.0, 0.0], [0.0, 0.0, 0.0],
    ]  # fmt: skip
    document = measure(make_scored(files, probabilities, [[0, 3]] * 3))
    form = int8(document)
    assert form.overall_recall is not None
    assert form.overall_recall.value == 0.5
    assert form.top1 is not None
    assert form.top1.value == 0.5
    assert form.precision is not None
    assert form.precision.value == pytest.approx(1 / 3)
    assert form.false_alarms_per_hour is not None
    assert form.false_alarms_per_hour.value == pytest.approx(3 / 18 * 3600)
    wren = form.species[0]
    assert wren.false_alarms_per_hour is not None
    assert wren.false_alarms_per_hour.value == pytest.approx(2 / 12 * 3600)
    assert document.confusion is not None
    assert document.confusion.labels == ("wren", "robin", "(none)")
    assert document.confusion.counts == ((1, 0, 0), (1, 0, 0), (0, 0, 1))
    assert [(one.kind, one.label, one.path, one.start_s, one.end_s) for one in document.mistakes] == [
        ("false alarm", "wren", "b", 0, 3),
        ("miss", "robin", "b", 0, 6),
        ("false alarm", "owl", "a", 3, 6),
    ]


@few_examples
@given(seeds, st.booleans())
def test_ranking_measures_are_scikit_learns(make_random: Make, seed: int, annotated: bool) -> None:
    scored = make_random(seed, annotated=annotated)
    truth = find_ground_truth(scored)
    if annotated:
        scores, truths = scored.probabilities["int8"], truth.windows
    else:
        scores, truths = pool_windows(scored.probabilities["int8"], scored.recording_of), truth.files
    judged = truths >= 0
    form = int8(measure(scored))
    precisions, areas = [], []
    for index in np.flatnonzero((truths == 1).any(axis=0)):
        chosen = judged[:, index]
        precisions.append(average_precision_score(truths[chosen, index], scores[chosen, index]))
        areas.append(roc_auc_score(truths[chosen, index], scores[chosen, index]))
    assert form.class_mean_average_precision is not None
    assert form.class_mean_average_precision.value == pytest.approx(np.mean(precisions))
    assert form.roc_auc == pytest.approx(np.mean(areas))
    assert form.mean_average_precision is not None
    assert form.mean_average_precision.value == pytest.approx(
        average_precision_score(truths[judged], scores[judged])
    )


@few_examples
@given(seeds, st.booleans())
def test_the_order_of_recordings_and_windows_changes_nothing(
    make_random: Make, seed: int, annotated: bool
) -> None:
    scored = make_random(seed, annotated=annotated)
    rng = np.random.default_rng(seed)
    files, windows = rng.permutation(len(scored.recordings)), rng.permutation(len(scored.recording_of))
    place = np.argsort(files)
    mixed = replace(
        scored,
        recordings=tuple(scored.recordings[number] for number in files),
        recording_of=place[scored.recording_of][windows],
        start_s=scored.start_s[windows],
        probabilities={form: values[windows] for form, values in scored.probabilities.items()},
    )
    before, after = measure(scored), measure(mixed)
    assert before.statements == after.statements
    assert before.mistakes == after.mistakes
    flat = np.array(list(numbers(before.forms[0]))), np.array(list(numbers(after.forms[0])))
    np.testing.assert_allclose(*flat, rtol=1e-5)


def numbers(value: object) -> list[float]:
    """Return every number in a dataclass, in order."""
    if isinstance(value, (int, float)):
        return [float(value)]
    if isinstance(value, tuple):
        return [number for one in value for number in numbers(one)]
    if hasattr(value, "__dict__"):
        return [number for one in vars(value).values() for number in numbers(one)]
    return []


@few_examples
@given(seeds, st.booleans())
def test_a_transform_that_keeps_the_order_keeps_the_ranking_measures(
    make_random: Make, seed: int, annotated: bool
) -> None:
    scored = make_random(seed, annotated=annotated)
    squeezed = replace(
        scored, probabilities={"int8": 0.9 * np.sqrt(scored.probabilities["int8"].astype(np.float64))}
    )
    before, after = int8(measure(scored)), int8(measure(squeezed))
    assert before.class_mean_average_precision == after.class_mean_average_precision
    assert before.mean_average_precision == after.mean_average_precision
    assert before.roc_auc == after.roc_auc
    assert before.top1 == after.top1
    assert [point.recall for point in before.curve] == [point.recall for point in after.curve]


@few_examples
@given(seeds)
def test_hours_of_silence_lower_the_false_alarms_an_hour(make_random: Make, seed: int) -> None:
    scored = make_random(seed, skill=0.3)
    silence = ScoredRecording(path="z", recording="silence", duration_s=3600, labels=(), calls=())
    longer = replace(
        scored,
        recordings=(*scored.recordings, silence),
        recording_of=np.append(scored.recording_of, len(scored.recordings)),
        start_s=np.append(scored.start_s, 0.0),
        probabilities={"int8": np.concatenate([scored.probabilities["int8"], np.zeros((1, 3), np.float32)])},
    )
    before, after = int8(measure(scored)), int8(measure(longer))
    assert before.false_alarms_per_hour is not None
    assert after.false_alarms_per_hour is not None
    assert after.false_alarms_per_hour.value < before.false_alarms_per_hour.value
    assert after.overall_recall is not None
    assert before.overall_recall is not None
    assert after.overall_recall.value == before.overall_recall.value


def test_shuffled_labels_are_at_chance(make_random: Make) -> None:
    """Average precision is near the share of positives and ROC-AUC near one half, within the intervals."""
    held, areas = [], []
    for seed in range(6):
        scored = make_random(seed, recordings=60, windows=20, skill=0.8)
        rng = np.random.default_rng(seed)
        dealt = rng.permutation(len(scored.recordings))
        shuffled = replace(
            scored,
            recordings=tuple(
                replace(one, calls=scored.recordings[number].calls)
                for one, number in zip(scored.recordings, dealt, strict=True)
            ),
        )
        truths = find_ground_truth(shuffled).windows
        for one in int8(measure(shuffled)).species:
            truth = truths[:, shuffled.labels.index(one.label)]
            chance = np.mean(truth[truth >= 0] == 1)
            assert one.average_precision is not None
            held.append(one.average_precision.low <= chance <= one.average_precision.high)
            areas.append(one.roc_auc)
        assert int8(measure(scored)).roc_auc > 0.8
    assert np.mean(held) > 0.9
    assert np.mean(areas) == pytest.approx(0.5, abs=0.03)


def test_thresholds_move_recall_against_false_alarms(make_random: Make) -> None:
    scored = make_random(3)
    recalls, alarms = [], []
    for threshold in (0.9, 0.6, 0.3, 0.01):
        form = int8(measure(scored, threshold))
        assert form.overall_recall is not None
        assert form.false_alarms_per_hour is not None
        recalls.append(form.overall_recall.value)
        alarms.append(form.false_alarms_per_hour.value)
    assert recalls == sorted(recalls)
    assert alarms == sorted(alarms)


def test_a_loss_is_known_better_than_what_it_is_the_difference_of(make_random: Make) -> None:
    scored = make_random(7, recordings=60)
    values = scored.probabilities["int8"]
    rng = np.random.default_rng(0)
    noisy = np.clip(values + rng.normal(0, 0.05, values.shape), 0, 1).astype(np.float32)
    worse = np.clip(values + rng.normal(0, 0.5, values.shape), 0, 1).astype(np.float32)
    near = measure(replace(scored, probabilities={"float": values, "int8": noisy}))
    far = measure(replace(scored, probabilities={"float": values, "int8": worse}))
    assert near.int8_loss is not None
    assert far.int8_loss is not None
    cmap = int8(near).class_mean_average_precision
    assert cmap is not None
    assert near.int8_loss.high - near.int8_loss.low < (cmap.high - cmap.low) / 2
    assert far.int8_loss.low > 0
    assert not any("may be chance" in sentence for sentence in far.statements)
    assert measure(scored).int8_loss is None
    same = measure(replace(scored, probabilities={"float": values, "int8": values}))
    assert same.int8_loss is not None
    assert (same.int8_loss.low, same.int8_loss.high) == (0, 0)


def test_the_firmware_is_measured_on_its_sample(make_random: Make) -> None:
    scored = make_random(4)
    values = scored.probabilities["int8"]
    scored = replace(scored, sample=np.array([0, 5]), firmware=values[[0, 5]])
    document = measure(scored)
    firmware = document.forms[-1]
    assert (firmware.form, firmware.windows) == ("firmware", 2)
    assert firmware.recall == int8(document).recall
    other = measure(replace(scored, firmware=np.ones((2, 3), np.float32)))
    assert other.forms[-1].false_alarms_per_hour != int8(other).false_alarms_per_hour
    assert any("does not detect what int8 detects" in sentence for sentence in other.statements)


def test_the_document_is_read_back(make_random: Make) -> None:
    document = measure(make_random(5, annotated=False))
    assert parse_document(EvaluateDocument, document_text(document), where="evaluate.json") == document
    assert len(document.forms[0].curve) <= 200
    assert sum(one.pairs for one in document.forms[0].reliability) == 12 * 3


def test_nothing_held_out_is_said(make_scored: Make) -> None:
    document = measure(make_scored([], np.zeros((0, 3)), [[]]))
    assert document.statements == (
        "The accuracy was not measured, because no recording was held out for it.",
    )
    assert (document.windows, document.forms, document.missing) == (0, (), ("wren", "robin", "owl"))
    assert parse_document(EvaluateDocument, document_text(document), where="evaluate.json") == document


@pytest.mark.slow
def test_many_classes_and_windows(make_random: Make) -> None:
    labels = tuple(f"species {number}" for number in range(100))
    scored = make_random(6, recordings=300, windows=50, labels=labels)
    document = measure(scored)
    assert document.windows == 15_000
