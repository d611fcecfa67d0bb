"""The decisions in C on the host, called through ctypes."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from birdnet_stm32.detect.event import Event
from birdnet_stm32.detect.event_stream import Tally
from birdnet_stm32.detect.rules import EventRule, Judgement, Rules
from birdnet_stm32.paths import firmware_templates

FLAGS = (
    *("-std=c11", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"),
    *("-fsanitize=undefined", "-fsanitize-undefined-trap-on-error", "-fPIC", "-shared"),
)
JUDGEMENTS = (Judgement.CONFIRM, Judgement.AVERAGE, Judgement.LOG_MEAN_EXP)
OK, ARGUMENT, MEMORY = 0, 1, 2


class CRule(ctypes.Structure):
    _fields_ = (
        *(("judgement", ctypes.c_uint32), ("need", ctypes.c_uint32), ("windows", ctypes.c_uint32)),
        *(("join", ctypes.c_uint32), ("longest_samples", ctypes.c_uint32)),
        *(("most_per_hour", ctypes.c_uint32), ("hold_off_samples", ctypes.c_uint64)),
    )


class CEvent(ctypes.Structure):
    _fields_ = (
        *(("label", ctypes.c_uint32), ("score", ctypes.c_uint32)),
        *(("start_samples", ctypes.c_uint64), ("end_samples", ctypes.c_uint64)),
    )


class CTally(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint32)
        for name in ("reached", "not_allowed", "unconfirmed", "held_off", "over_limit", "in_events")
    )


class CClass(ctypes.Structure):
    _fields_ = (
        *(("rule", ctypes.POINTER(CRule)), ("tally", CTally), ("threshold", ctypes.c_uint32)),
        *((name, ctypes.c_uint32) for name in ("reaches", "counts", "last", "hour", "begun")),
        *(("is_open", ctypes.c_bool), ("event", CEvent), ("free_from", ctypes.c_uint64)),
    )


class CMemory(ctypes.Structure):
    _fields_ = (
        *(("classes", ctypes.POINTER(CClass)), ("recent", ctypes.POINTER(ctypes.c_uint32))),
        *(("starts", ctypes.POINTER(ctypes.c_uint64)), ("windows", ctypes.c_uint32)),
    )


class CEvents(ctypes.Structure):
    _fields_ = (
        *(("memory", CMemory), ("classes", ctypes.c_uint32), ("window_samples", ctypes.c_uint32)),
        *(("hour_samples", ctypes.c_uint32), ("pushed", ctypes.c_uint32)),
    )


Report = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(CEvent))


def compile_events(folder: Path, compiler: str) -> ctypes.CDLL:
    """Compile the decisions as a library of the host."""
    runtime, library = firmware_templates() / "runtime", folder / f"events_{compiler}.so"
    sources = [runtime / "birdnet_events.c", runtime / "birdnet_exponential.c"]
    subprocess.run([compiler, *FLAGS, *sources, "-o", library], check=True, timeout=120)
    loaded = ctypes.CDLL(str(library))
    loaded.birdnet_events_init.argtypes = (
        *(ctypes.POINTER(CEvents), CMemory, ctypes.c_uint32, ctypes.POINTER(ctypes.c_float)),
        *(ctypes.POINTER(CRule), ctypes.c_uint32, ctypes.c_uint32),
    )
    loaded.birdnet_events_push.argtypes = (
        *(ctypes.POINTER(CEvents), ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p, Report),
        ctypes.c_void_p,
    )
    loaded.birdnet_events_finish.argtypes = (
        *(ctypes.POINTER(CEvents), ctypes.c_uint64, Report, ctypes.c_void_p),
    )
    loaded.birdnet_events_probability.restype = ctypes.c_float
    loaded.birdnet_events_integer.argtypes = (ctypes.c_float,)
    return loaded


def c_rule(rule: EventRule) -> CRule:
    return CRule(
        judgement=JUDGEMENTS.index(rule.judgement),
        need=rule.need,
        windows=rule.windows,
        join=rule.join,
        longest_samples=rule.longest_samples,
        most_per_hour=rule.most_per_hour,
        hold_off_samples=rule.hold_off_samples,
    )


class NativeEvents:
    """The decisions of one model in C."""

    def __init__(self, library: ctypes.CDLL, rules: Rules, *, windows: int | None = None) -> None:
        count = len(rules.labels)
        self._library, self._rules = library, rules
        kept = max(rule.windows for rule in rules.of_class) if windows is None else windows
        self._classes = (CClass * count)()
        self._recent, self._starts = (ctypes.c_uint32 * (kept * count))(), (ctypes.c_uint64 * kept)()
        memory = CMemory(classes=self._classes, recent=self._recent, starts=self._starts, windows=kept)
        self.state = CEvents()
        thresholds = (ctypes.c_float * count)(*rules.thresholds)
        self._c_rules = [c_rule(rule) for rule in rules.of_class]
        self.status = library.birdnet_events_init(
            self.state,
            memory,
            count,
            thresholds,
            self._c_rules[0],
            rules.shape.sample_rate_hz,
            rules.shape.window_samples,
        )
        for label, rule in enumerate(self._c_rules):
            self.status = self.status or library.birdnet_events_use_rule(
                ctypes.byref(self.state), label, ctypes.byref(rule)
            )

    def run(
        self,
        probabilities: np.ndarray,
        starts: Sequence[int],
        samples: int,
        allowed: np.ndarray | None = None,
    ) -> list[Event]:
        """Return the events of a recording in the order in which they end."""
        found: list[Event] = []

        def take(_: int | None, pointer: ctypes.Array) -> None:
            event = pointer[0]
            score = self._library.birdnet_events_probability(event.score)
            label = self._rules.labels[event.label]
            found.append(
                Event(
                    label=label,
                    start_samples=event.start_samples,
                    end_samples=event.end_samples,
                    score=score,
                )
            )

        report = Report(take)
        assert self._library.birdnet_events_begin(ctypes.byref(self.state)) == OK
        rows = np.ascontiguousarray(probabilities, np.float32)
        may = None if allowed is None else np.ascontiguousarray(allowed, np.uint8)
        for number, start in enumerate(starts):
            given = None if may is None else may[number].ctypes.data
            status = self._library.birdnet_events_push(
                self.state, rows[number].ctypes.data, int(start), given, report, None
            )
            assert status == OK
        assert self._library.birdnet_events_finish(self.state, samples, report, None) == OK
        return found

    @property
    def tallies(self) -> list[Tally]:
        """What became of the windows of each class."""
        names = [name for name, _ in CTally._fields_]
        return [Tally(**{name: getattr(one.tally, name) for name in names}) for one in self._classes]
