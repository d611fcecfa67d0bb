"""How doit ends when it is stopped."""

from __future__ import annotations

import sys

import pytest

from birdnet_stm32.tasks.interruption import stop_in_a_sentence


@pytest.fixture(autouse=True)
def hook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    stop_in_a_sentence()


def test_ctrl_c_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert capsys.readouterr().err.startswith("doit: stopped; what was finished is kept")


def test_a_training_says_how_far_it_has_come(capsys: pytest.CaptureFixture[str]) -> None:
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt("after epoch 3"), None)
    assert capsys.readouterr().err.startswith("doit: stopped after epoch 3; what was finished is kept")


def test_a_bug_still_shows_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    sys.excepthook(ZeroDivisionError, ZeroDivisionError("a bug"), None)
    assert "ZeroDivisionError: a bug" in capsys.readouterr().err
