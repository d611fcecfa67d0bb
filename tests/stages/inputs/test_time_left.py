"""The time left of work whose steps take equally long."""

from __future__ import annotations

from birdnet_stm32.stages.inputs.time_left import with_time_left


def test_the_time_left_follows_from_the_steps_so_far() -> None:
    told: list[tuple[float, float, str]] = []
    clock = iter(range(0, 1_000, 60))

    def report(done: float, total: float, *, note: str = "", left: str = "") -> None:
        told.append((done, total, left))

    tell = with_time_left(report, now=lambda: float(next(clock)))
    for done in (10, 20, 40):
        tell(done, 40)
    assert told == [(10, 40, ""), (20, 40, "about 2 min left"), (40, 40, "")]
