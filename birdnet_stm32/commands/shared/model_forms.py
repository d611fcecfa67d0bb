"""The forms of a model that ``evaluate`` compares: float, int8, and int8 as firmware."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.boards import folders
from birdnet_stm32.codegen.lowering import lower
from birdnet_stm32.commands.shared.emulation import emulate_model, generate_library
from birdnet_stm32.commands.shared.model_files import contract_of
from birdnet_stm32.errors import InputError
from birdnet_stm32.evaluate.score import float_scorer, int8_scorer, score_windows
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.firmware import parity
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.progress import track
from birdnet_stm32.quant.arithmetic.scheme import dequantize
from birdnet_stm32.terminal_text import counted, first_names
from birdnet_stm32.tflite.reader import read_graph

Floats = NDArray[np.float32]
_Comparable = int | tuple[str, ...]


class FormKind(StrEnum):
    """The program that computes the outputs of a model."""

    FLOAT = "float"  # a .keras
    INT8 = "int8"  # a .tflite, on LiteRT's reference kernels
    FIRMWARE = "firmware"  # a .tflite, as C on the emulated board


@dataclass(frozen=True, kw_only=True)
class ModelForm:
    """One form of one model.

    Args:
        name: name that differs from those of the other forms.
        kind: the program that computes its outputs.
        path: file of the model.
        contract: contract of the model.
    """

    name: str
    kind: FormKind
    path: Path
    contract: ModelContract


def model_forms_of(
    paths: Sequence[Path], configs: Sequence[Path], *, firmware: bool
) -> tuple[ModelForm, ...]:
    """Return the forms to measure, the float models first.

    Args:
        paths: ``.keras`` and ``.tflite`` files.
        configs: their configurations: one for each, one for all, or none to take those beside the models.
        firmware: also run every ``.tflite`` as firmware.

    Raises:
        InputError: a file is of another kind, or the models differ in their windows or classes.
    """
    if len(configs) not in (0, 1, len(paths)):
        raise InputError(
            f"there are {len(configs)} configurations for {len(paths)} models",
            expected="one each, or one for all",
        )
    found = []
    for number, path in enumerate(paths):
        given = configs[number if len(configs) > 1 else 0] if configs else None
        for kind in _kinds(path, firmware=firmware):
            found.append((kind, path, contract_of(path, given)))
    _check_alike([(path, contract) for _, path, contract in found])
    kinds = [kind for kind, _, _ in found]
    if firmware and FormKind.FIRMWARE not in kinds:
        raise InputError(
            "--firmware is given without a .tflite", expected="--model_path with the model to run"
        )
    names = _names_of(paths)
    forms = (
        ModelForm(
            name=kind.value if kinds.count(kind) == 1 else f"{kind.value} {names[path]}",
            kind=kind,
            path=path,
            contract=contract,
        )
        for kind, path, contract in found
    )
    return tuple(sorted(forms, key=lambda form: list(FormKind).index(form.kind)))


def _names_of(paths: Sequence[Path]) -> dict[Path, str]:
    """Return the shortest end of each path that no other path has. Raises: InputError."""
    if twice := [path for path in paths if paths.count(path) > 1]:
        raise InputError(
            "is named twice", where=twice[0], expected="different models", remedy="name each model once"
        )
    length = 1
    while len(names := {path: "/".join(path.parts[-length:]) for path in paths}) > len(set(names.values())):
        length += 1
    return names


def run_model_form(form: ModelForm, windows: WindowSet, *, timeout_s: float) -> Floats:
    """Return the probabilities of every window, float32 [windows, classes].

    Args:
        form: the form to run.
        windows: windows of recordings; all windows of each recording, as deployment cuts them.
        timeout_s: seconds after which an emulation is ended as hung.

    Raises:
        InputError: the model is damaged or not what its configuration says.
        GateError: the firmware computes other outputs than the reference kernels.
        ToolError: a compiler or the emulator is missing or failed.
    """
    if form.kind is FormKind.FIRMWARE:
        return probabilities(_run_firmware(form, windows, timeout_s), form.contract)
    if form.kind is FormKind.FLOAT:
        from birdnet_stm32.model.checkpoints import checkpoint  # TensorFlow, which a .tflite does not need

        scorer = float_scorer(checkpoint.load(form.path, form.contract), form.contract)
    else:
        model = read_bytes(form.path)
        _check_outputs(model, form)
        scorer = int8_scorer(model, form.contract)
    with track(f"windows of {form.name}") as report:
        return score_windows(windows, scorer, len(form.contract.labels), report)


def _kinds(path: Path, *, firmware: bool) -> tuple[FormKind, ...]:
    if path.suffix == ".keras":
        return (FormKind.FLOAT,)
    if path.suffix == ".tflite":
        return (FormKind.INT8, FormKind.FIRMWARE) if firmware else (FormKind.INT8,)
    raise InputError(f"the model is {path.name}", expected="a name that ends in .keras or .tflite")


def _check_alike(models: Sequence[tuple[Path, ModelContract]]) -> None:
    (first, reference), *others = models
    for path, contract in others:
        here, there = contract.frontend, reference.frontend
        alike: dict[str, tuple[_Comparable, _Comparable]] = {
            "its sample rate is": (here.sample_rate_hz, there.sample_rate_hz),
            "its windows have": (here.window_samples, there.window_samples),
        }
        for what, (value, wanted) in alike.items():
            if value != wanted:
                raise InputError(
                    f"{what} {_text(value)}",
                    where=path,
                    expected=f"{_text(wanted)}, as {first.name} has them",
                )


def _text(value: _Comparable) -> str:
    return str(value) if isinstance(value, int) else first_names(value)


def _run_firmware(form: ModelForm, windows: WindowSet, timeout_s: float) -> Floats:
    model = read_bytes(form.path)
    output = lower(read_graph(model, where=str(form.path))).output
    library = generate_library(model, form.contract, where=str(form.path))
    numbers = np.unique(windows.recording_of).tolist()
    recordings = {windows.recordings[number].path: windows.recording(number) for number in numbers}
    with track(f"windows of {form.name}") as report:
        ran, compared = emulate_model(
            model,
            form.contract,
            library,
            recordings,
            board=folders.select("emulator"),
            title=form.path.stem,
            timeout_s=timeout_s,
            report=report,
        )
    parity.require(compared)
    computed = {(numbers[one.recording], one.first_sample): one.output for one in ran.windows}
    places = zip(windows.recording_of.tolist(), windows.start_sample.tolist(), strict=True)
    steps = np.stack([computed[place] for place in places])
    return dequantize(steps, output.scale, output.zero_point)


def _check_outputs(model: bytes, form: ModelForm) -> None:
    graph = read_graph(model, where=str(form.path))
    outputs = graph.tensors[graph.outputs[0]].shape[-1] if graph.outputs else 0
    if outputs != len(form.contract.labels):
        raise InputError(
            f"it has {counted(outputs, 'output')}",
            where=form.path,
            expected=f"{len(form.contract.labels)}, the classes of its configuration",
        )
