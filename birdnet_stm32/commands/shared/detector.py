"""Detect events in one recording, with a model, its rules, and the kernels that compute it."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.decoding.decode import Unusable
from birdnet_stm32.audio.decoding.mono import MIX
from birdnet_stm32.audio.recorders.read_details import read_details
from birdnet_stm32.codegen.compiled_network import (
    CompiledNetwork,
    cache_folder,
    compile_network,
    find_compiler,
)
from birdnet_stm32.detect.allowed_windows import SpeciesFilter, allowed_windows
from birdnet_stm32.detect.find_events import find_events
from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.detect.rules import Rules
from birdnet_stm32.detect.score_recording import Scorer, score_recording
from birdnet_stm32.engine.code_digest import library_versions, stage_code_digest
from birdnet_stm32.errors import GateError, InputError, ToolError
from birdnet_stm32.files.json_file import canonical_json
from birdnet_stm32.frontend.contract import ModelContract, contract_to_json
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.tflite import interpreter
from birdnet_stm32.tflite.reader import read_graph

_CHECKED_WINDOWS = 4
Floats = NDArray[np.float32]


class Kernels(StrEnum):
    """What computes the network. All give the same bits."""

    COMPILED = "compiled"  # the generated C, compiled for this computer
    REFERENCE = "reference"  # LiteRT's reference kernels


@dataclass(frozen=True, kw_only=True)
class Detector:
    """All that a worker needs to detect events.

    Args:
        tflite: the int8 model.
        contract: its configuration.
        rules: when a class counts as heard.
        species_filter: which species may be reported; None for all.
        channel: channel of the recordings, counted from 1; 0 for the average of all channels.
        library: the compiled network; None to use the reference kernels.
    """

    tflite: bytes
    contract: ModelContract
    rules: Rules
    species_filter: SpeciesFilter | None = None
    channel: int = MIX
    library: Path | None = None

    @property
    def key(self) -> str:
        """Digest of all that events depend on beside the recording: model, rules, options and code."""
        mixer = self.contract.frontend.mixer
        fields = {
            "model": hashlib.sha256(self.tflite).hexdigest(),
            "contract": contract_to_json(self.contract),
            "mixer": "" if mixer is None else mixer.digest,
            "rules": repr(self.rules),
            "species": repr(self.species_filter),
            "channel": self.channel,
            "code": stage_code_digest(Path(__file__), ("runtime", "network")),
            "libraries": library_versions(Path(__file__)),
        }
        return hashlib.sha256(canonical_json(fields).encode()).hexdigest()


def check_model(tflite: bytes, contract: ModelContract, *, where: Path) -> None:
    """Refuse a model that does not fit its configuration. Raises: InputError."""
    interpreter.check_loads(tflite)
    graph = read_graph(tflite, where=str(where), whole=False)
    contract.frontend.check_input(tuple(graph.tensors[graph.inputs[0]].shape[1:]), where=where)
    outputs = graph.tensors[graph.outputs[0]].shape[-1:]
    if outputs != (len(contract.labels),):
        raise InputError(
            f"has {list(outputs)} outputs, and its configuration names {len(contract.labels)} classes",
            where=where,
            expected="one class for each output",
        )


def compiled_library(tflite: bytes, chosen: Kernels | None, warn: Callable[[str], None]) -> Path | None:
    """Return the compiled network; None to use the reference kernels.

    Args:
        tflite: the model.
        chosen: the kernels that the user asked for; None for compiled ones if they are possible.
        warn: called with what the user should know: that the network is compiled, or that it cannot be.

    Raises:
        InputError, ToolError: compiled kernels were asked for and are not possible.
    """
    if chosen is Kernels.REFERENCE:
        return None
    compiler = find_compiler()
    try:
        if compiler is None:
            raise ToolError("no C compiler was found", remedy="install gcc or clang")
        try:
            begins = functools.partial(warn, "compiling the network for this computer, once")
            library = compile_network(tflite, compiler, cache_folder(), begins=begins)
        except OSError as error:
            raise ToolError(f"{cache_folder()} cannot be written: {error.strerror}") from error
        CompiledNetwork(library)
    except (InputError, ToolError) as error:
        if chosen is Kernels.COMPILED:
            raise
        warn(f"the network is not compiled, so it takes about twice as long: {error.what}")
        return None
    return library


def make_scorer(detector: Detector) -> Scorer:
    """Return a function that computes the probabilities of windows, for one thread at a time.

    The first windows are also computed by the reference kernels if the network is compiled.
    """
    compiled = None if detector.library is None else CompiledNetwork(detector.library)
    checked = compiled is None

    def score(windows: NDArray[np.int16]) -> Floats:
        nonlocal checked
        inputs = features(windows, detector.contract.frontend, threads=1)
        outputs = interpreter.run(detector.tflite, inputs) if compiled is None else compiled.run(inputs)
        if not checked:
            expected = interpreter.run(detector.tflite, inputs[:_CHECKED_WINDOWS])
            if not np.array_equal(outputs[: len(expected)], expected):
                raise GateError(
                    "the compiled network differs from the reference kernels",
                    where=detector.library,
                    expected="the same bits",
                    remedy=("--kernels reference", "try another compiler, and delete the file"),
                )
            checked = True
        return probabilities(outputs, detector.contract)

    return score


def detect_events(
    detector: Detector, scorer: Scorer, path: str, full_path: Path
) -> DetectedRecording | Unusable:
    """Return a recording with its events, or why it cannot be used.

    Args:
        detector: the model and its rules.
        scorer: from :func:`make_scorer`.
        path: the name of the recording in tables.
        full_path: where it lies.
    """
    shape = detector.rules.shape
    scored = score_recording(full_path, scorer, shape, channel=detector.channel)
    if isinstance(scored, Unusable):
        return scored
    details = read_details(full_path)
    allowed, notes = None, (*scored.notes, *details.notes)
    if detector.species_filter is not None:
        listed = allowed_windows(
            detector.species_filter, details, scored.starts, sample_rate_hz=shape.sample_rate_hz
        )
        allowed, notes = listed.mask, (*notes, *listed.notes)
    events = find_events(
        scored.probabilities, scored.starts, detector.rules, samples=scored.samples, allowed=allowed
    )
    return DetectedRecording(
        path=path,
        full_path=str(full_path),
        sample_rate_hz=shape.sample_rate_hz,
        samples=scored.samples,
        details=details,
        events=tuple(events),
        notes=notes,
    )
