"""Open a teacher, whatever kind of file it is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.json_file import canonical_json
from birdnet_stm32.files.regular_file import real_path, sha256_of
from birdnet_stm32.frontend.contract import (
    ModelContract,
    OutputActivation,
    contract_to_json,
    read_contract,
)
from birdnet_stm32.frontend.labels import read_labels
from birdnet_stm32.model.teacher.network import TeacherNetwork
from birdnet_stm32.model.teacher.onnx_network import OnnxNetwork
from birdnet_stm32.model.teacher.teacher import Outputs, Teacher, kind_of_outputs
from birdnet_stm32.model.teacher.tflite_network import TfliteNetwork

SHORTEST_S, LONGEST_S = 0.1, 60.0  # of a teacher's window
_OUTPUTS: dict[OutputActivation, Outputs] = {
    OutputActivation.LOGIT: "logits",
    OutputActivation.SIGMOID: "probabilities",
}
_KINDS = "a .tflite, .keras or .onnx file, or the folder of a SavedModel"


@dataclass(frozen=True, kw_only=True)
class TeacherFiles:
    """The files of a teacher, and how they are meant.

    Args:
        model: the model.
        labels: its label file; None if the configuration has the names.
        config: its model configuration; None for a model that is fed the waveform.
        outputs: what its outputs are.
        sample_rate_hz: sample rate of the audio that it hears, if there is no configuration.
        embedding: name of its embedding; None for the input of the last dense layer.
    """

    model: Path
    labels: Path | None = None
    config: Path | None = None
    outputs: Outputs | Literal["auto"] = "auto"
    sample_rate_hz: int = 48_000
    embedding: str | None = None


def open_teacher(files: TeacherFiles) -> Teacher:
    """Open a teacher.

    Args:
        files: its files.

    Raises:
        InputError: a file is missing, damaged or of another kind, the outputs are not as many as the names,
            or the input is not a window of audio.
    """
    contract = None if files.config is None else read_contract(files.config)
    labels = read_labels(files.labels) if files.labels else contract.labels if contract else ()
    network = _open_network(files, labels, contract)
    if contract is None:
        rate_hz, front_end = files.sample_rate_hz, None
        samples = _waveform_samples(network.input_shape, rate_hz, files.model)
    else:
        contract.frontend.check_input(network.input_shape, where=files.model)
        samples, rate_hz = contract.frontend.window_samples, contract.frontend.sample_rate_hz
        front_end = contract.frontend
    outputs = files.outputs
    if outputs == "auto" and contract is not None:
        outputs = _OUTPUTS[contract.output_activation]
    elif outputs == "auto":
        outputs = kind_of_outputs(network, front_end, samples)
    model_sha256 = model_digest(files.model)
    return Teacher(
        network=network,
        labels=labels,
        sample_rate_hz=rate_hz,
        window_samples=samples,
        front_end=front_end,
        outputs=outputs,
        digest=_digest(files, model_sha256, contract, outputs, rate_hz),
        model_digest=model_sha256,
        name=files.model.name,
    )


def model_files(path: Path) -> list[Path]:
    """Return the files of a model, sorted: the file itself, or all files in the folder of a SavedModel."""
    if not path.is_dir():
        return [path]
    return sorted(one for one in path.rglob("*") if one.is_file())


def model_digest(path: Path) -> str:
    """Return the SHA-256 of a model file, or of the names and digests of the files of a SavedModel."""
    if not path.is_dir():
        return sha256_of(path)
    lines = [f"{sha256_of(one)}  {one.relative_to(path).as_posix()}\n" for one in model_files(path)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _open_network(
    files: TeacherFiles, labels: tuple[str, ...], contract: ModelContract | None
) -> TeacherNetwork:
    path = real_path(files.model)
    if not path.exists():
        raise InputError("there is no such file", where=files.model, expected=_KINDS)
    kind = "folder" if path.is_dir() else path.suffix.lower()
    opener = _OPENERS.get(kind)
    if opener is None:
        raise InputError(f"is a {kind or 'nameless'} file", where=files.model, expected=_KINDS)
    return opener(files.model, labels, contract, files.embedding)


_Opener = Callable[[Path, tuple[str, ...], ModelContract | None, str | None], TeacherNetwork]


def _tflite(
    path: Path, labels: tuple[str, ...], _: ModelContract | None, embedding: str | None
) -> TeacherNetwork:
    return TfliteNetwork(path, len(labels), embedding)


def _keras(
    path: Path, _: tuple[str, ...], contract: ModelContract | None, embedding: str | None
) -> TeacherNetwork:
    from birdnet_stm32.model.teacher.keras_network import KerasNetwork  # TensorFlow, which takes seconds

    if contract is None:
        raise InputError(
            "is a .keras file without a model configuration",
            where=path,
            expected="the *_model_config.json that was written with it",
            remedy="config in [teacher]",
        )
    return KerasNetwork(path, contract, embedding)


def _onnx(
    path: Path, labels: tuple[str, ...], _: ModelContract | None, embedding: str | None
) -> TeacherNetwork:
    return OnnxNetwork(path, len(labels), embedding)


def _saved_model(
    path: Path, labels: tuple[str, ...], _: ModelContract | None, embedding: str | None
) -> TeacherNetwork:
    from birdnet_stm32.model.teacher.saved_model_network import SavedModelNetwork  # TensorFlow, as above

    return SavedModelNetwork(path, len(labels), embedding)


_OPENERS: dict[str, _Opener] = {
    ".tflite": _tflite,
    ".keras": _keras,
    ".onnx": _onnx,
    "folder": _saved_model,
}


def _waveform_samples(shape: tuple[int, ...], rate_hz: int, path: Path) -> int:
    """Return the length of a waveform that is a network's input. Raises: InputError, if it is no waveform."""
    long = [size for size in shape if size > 1]
    if len(long) != 1:
        raise InputError(
            f"its input has the shape {list(shape)}",
            where=path,
            expected="the samples of a window, such as [144000] or [144000, 1]",
            remedy=(
                "name a model that is fed the waveform",
                "config in [teacher]: the *_model_config.json of a model of this project",
            ),
        )
    if not SHORTEST_S <= long[0] / rate_hz <= LONGEST_S:
        raise InputError(
            f"its input has {long[0]:,} samples, {long[0] / rate_hz:.2g} s at {rate_hz:,} Hz",
            where=path,
            expected=f"a window of {SHORTEST_S:g} to {LONGEST_S:g} s of audio",
            remedy=(
                "sample_rate_hz in [teacher]: the rate of the audio that the model hears",
                "name a model that hears: a model of places and dates is no teacher",
            ),
        )
    return long[0]


def _digest(
    files: TeacherFiles, model_sha256: str, contract: ModelContract | None, outputs: str, rate_hz: int
) -> str:
    meant = {
        "model": model_sha256,
        "config": None if contract is None else contract_to_json(contract),
        "outputs": outputs,
        "sample_rate_hz": rate_hz,
        "embedding": files.embedding,
    }
    return hashlib.sha256(canonical_json(meant).encode()).hexdigest()
