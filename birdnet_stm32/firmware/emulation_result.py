"""What an emulated firmware computed, compared with the references: the values of ``emulate.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from birdnet_stm32.gates import Direction, Gate, judge

FRONT_END_TOLERANCE = 1e-4  # of the largest magnitude of a stage: the cost of single precision, with a margin
_REMEDIES = ("report it with the model: the generated C or a compiler is wrong",)


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How far the firmware is from the reference.

    Args:
        windows: the number of windows that were compared.
        inputs_differing: network inputs, made frame by frame, that differ from what QUANTIZE makes of the
            floats of the front end.
        outputs_compared: network outputs that were compared, all classes of all windows.
        outputs_differing: those that are not equal to the bit.
        front_end_max_relative_error: largest difference in any stage of any window, relative to the largest
            magnitude of that stage.
        stage_max_relative_errors: the same for each stage.
        events_compared: the number of events that the definition finds in the outputs of the firmware.
        events_differing: how many of these the firmware did not print, or printed besides.
        first_difference: where the first output differs, or else the first stage beyond the tolerance, or
            else the first event, for people; null if there is none.
    """

    windows: int
    inputs_differing: int
    outputs_compared: int
    outputs_differing: int
    front_end_max_relative_error: float
    stage_max_relative_errors: Mapping[str, float]
    first_difference: str | None
    events_compared: int = 0
    events_differing: int = 0


@dataclass(frozen=True, kw_only=True)
class EmulatedWindow:
    """A window that the firmware heard.

    Args:
        recording: path of the recording.
        start_s: start of the window in the recording, in seconds.
    """

    recording: str
    start_s: float


@dataclass(frozen=True, kw_only=True)
class EmulatedDetection(EmulatedWindow):
    """A detection that the firmware printed.

    Args:
        label: the class.
        probability: its probability.
    """

    label: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class EmulatedEvent(EmulatedWindow):
    """An event that the firmware printed.

    Args:
        end_s: its end in the recording, in seconds.
        label: the class.
        score: greatest probability of its windows.
    """

    end_s: float
    label: str
    score: float


@dataclass(frozen=True, kw_only=True)
class EmulateDocument(Parity):
    """How far the emulated firmware is from the references, and what it detected.

    Args:
        inputs: the windows, in the order of the comparison.
        detections: by recording, the most probable first.
        events: by recording, in the order in which they ended.
    """

    FILE: ClassVar[str] = "emulate.json"
    VERSION: ClassVar[int] = 1

    inputs: tuple[EmulatedWindow, ...]
    detections: tuple[EmulatedDetection, ...]
    events: tuple[EmulatedEvent, ...] = ()


def parity_gates(parity: Parity, board: str = "") -> tuple[Gate, ...]:
    """Judge whether the firmware computes what the references compute.

    Args:
        parity: the comparison.
        board: name of the emulated board, for the titles.
    """
    where = f" on {board}" if board else ""
    return (
        judge(
            "inputs_differing",
            f"differing inputs of the network{where}",
            parity.inputs_differing,
            Direction.AT_MOST,
            0,
            detail=f"{parity.inputs_differing} inputs differ",
            remedies=_REMEDIES,
        ),
        judge(
            "outputs_differing",
            f"differing outputs of the network{where}",
            parity.outputs_differing,
            Direction.AT_MOST,
            0,
            detail=f"{parity.outputs_differing} of {parity.outputs_compared} outputs differ",
            remedies=_REMEDIES,
        ),
        judge(
            "events_differing",
            f"differing events{where}",
            parity.events_differing,
            Direction.AT_MOST,
            0,
            detail=f"{parity.events_differing} of {parity.events_compared} events differ",
            remedies=_REMEDIES,
        ),
        judge(
            "front_end_error",
            f"largest error of the front end{where}, relative to the maximum of a stage",
            parity.front_end_max_relative_error,
            Direction.AT_MOST,
            FRONT_END_TOLERANCE,
            detail=f"off by {parity.front_end_max_relative_error:.2g} of the maximum of a stage",
            remedies=_REMEDIES,
        ),
    )
