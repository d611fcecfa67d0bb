"""The self-test's logic on the host, under the address and undefined-behaviour sanitizers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Files = dict[str, bytes]
Model = Callable[..., Files]
Replaced = Callable[[Files, str, str, str], Files]
Run = Callable[[Files], Any]


def test_self_test_passes(run_on_host: Run, model: Model) -> None:
    printed = run_on_host(model())
    assert printed == (
        0,
        [
            "self-test front-end 7 cycles, 0 inputs off by one",
            "self-test network 7 cycles",
            "self-test PASS 2 windows",
        ],
    )


def test_self_test_names_a_wrong_output(run_on_host: Run, model: Model, replaced: Replaced) -> None:
    output = "output_1[] = {0, -1, 72}"
    changed = replaced(model(), "birdnet_test_vectors.c", output, "output_1[] = {0, -1, 71}")
    assert run_on_host(changed).lines[-1] == "self-test FAIL window 1: network output 2 is 72, expected 71"


def test_self_test_names_a_wrong_weight(run_on_host: Run, model: Model, replaced: Replaced) -> None:
    changed = replaced(model(), "birdnet_network.c", "(-1 - network", "(-2 - network")
    assert run_on_host(changed) == (
        1,
        [
            "self-test front-end 7 cycles, 0 inputs off by one",
            "self-test network 7 cycles",
            "self-test FAIL window 0: network output 1 is 119, expected 120",
        ],
    )


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        ("pcm[i] / 256 + (i < 2)", "self-test PASS 2 windows"),
        ("pcm[i] / 256 + (i < 3)", "FAIL window 0: more than 2 network inputs are off by one"),
        ("pcm[i] / 256 - 2 * (i == 9)", "FAIL window 0: network input 9 is -87, expected -85"),
    ],
)
def test_front_end_tolerance(
    run_on_host: Run, model: Model, replaced: Replaced, made: str, verdict: str
) -> None:
    changed = replaced(model(), "birdnet_frontend_config.c", "pcm[i] / 256", made)
    assert run_on_host(changed).lines[-1].endswith(verdict)


def test_self_test_names_a_failed_step(run_on_host: Run, model: Model, replaced: Replaced) -> None:
    changed = replaced(model(), "birdnet_network.c", ">= BIRDNET_ARENA_BYTES ?", "> BIRDNET_ARENA_BYTES ?")
    assert run_on_host(changed).lines[-1] == "self-test FAIL window 0: a step ended with status 2"


def test_hardware_that_rounds_otherwise_passes_within_limits(
    run_on_host: Run, model: Model, replaced: Replaced
) -> None:
    other = replaced(model(), "birdnet_network.c", "output[2] = largest", "output[2] = (int8_t)(largest - 1)")
    assert run_on_host(other).exit_status == 1
    assert run_on_host(other, "SELF_TEST_EXACT=0").lines[-1] == "self-test PASS 2 windows"
    further = replaced(other, "birdnet_network.c", "largest - 1", "largest - 9")
    assert run_on_host(further, "SELF_TEST_EXACT=0").lines[-1] == (
        "self-test FAIL window 0: outputs agree to cosine 0.999836, mean error 0.011719, "
        "largest is 1, expected 2"
    )


def test_hardware_that_gives_the_same_for_every_window_is_found_out(
    run_on_host: Run, model: Model, replaced: Replaced
) -> None:
    """Both windows' outputs agree closely enough with one constant: they differ by one step in one output."""
    near = model()
    for old, new in (
        ("output_0[] = {-121, 120, 125}", "{0, -1, 72}"),
        ("output_1[] = {0, -1, 72}", "{0, -1, 73}"),
    ):
        near = replaced(near, "birdnet_test_vectors.c", old, old[: old.index("{")] + new)
    constant = replaced(
        near,
        "birdnet_network.c",
        "output[0] = network->arena[0];",
        "output[0] = 0; output[1] = -1; output[2] = 72; return BIRDNET_OK;",
    )
    assert run_on_host(constant, "SELF_TEST_EXACT=0").lines[-1] == (
        "self-test FAIL all windows: different windows give equal outputs"
    )
    equal = replaced(constant, "birdnet_test_vectors.c", "{0, -1, 73}", "{0, -1, 72}")
    assert run_on_host(equal, "SELF_TEST_EXACT=0").lines[-1] == (
        "self-test FAIL all windows: all stored outputs are equal and prove nothing"
    )
