"""Read the float model that a stage works on, and what the model to train is fed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.config.variant import ModelTable
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.json_file import canonical_json
from birdnet_stm32.files.value_errors import shown_value
from birdnet_stm32.frontend.architecture import Architecture
from birdnet_stm32.frontend.contract import (
    FLOAT_FRONT_END_FILE,
    Compression,
    Frontend,
    FrontendSpec,
    InputLayout,
    MagnitudeScale,
    ModelContract,
    OutputActivation,
    contract_to_json,
    read_contract,
)
from birdnet_stm32.frontend.labels import LabelOrder, read_labels, reconcile_labels
from birdnet_stm32.frontend.mixer import save_mixer
from birdnet_stm32.stages.inputs.file_names import CONFIG, FLOAT_MODEL, LABELS, START_CONFIG


@dataclass(frozen=True, kw_only=True)
class FloatModel:
    """A checkpoint on disk, with its front end and classes."""

    path: Path
    contract: ModelContract


def float_model(job: Job) -> FloatModel:
    """Return the model of the stage train, or the checkpoint of the variant.

    Raises:
        InputError: the files of the checkpoint contradict each other.
    """
    if "train" in job.inputs:
        folder = job.inputs["train"]
        return FloatModel(path=folder / FLOAT_MODEL, contract=read_contract(folder / CONFIG))
    return FloatModel(path=job.files["checkpoint"], contract=checkpoint_contract(job))


def checkpoint_contract(job: Job) -> ModelContract:
    """Return front end and classes of the checkpoint of the variant. Raises: InputError."""
    contract = read_contract(job.files["model configuration"])
    labels = job.files.get("label file")
    if labels is None:
        return contract
    order = job.variant.model.label_order
    names = reconcile_labels(
        read_labels(labels),
        contract.labels,
        order=None if order is None else LabelOrder(order),
        where=labels,
        remedy=(
            'label_order = "configuration" in [model], if class_names has the outputs\' order',
            'label_order = "labels" in [model], if the label file has it',
            "leave labels out of [model], to show class_names",
        ),
    )
    return replace(contract, labels=names)


def start_contract(job: Job) -> ModelContract | None:
    """Return front end and classes of the model that the training starts from; None from scratch.

    Raises:
        InputError: its configuration is wrong.
    """
    return read_contract(job.files[START_CONFIG]) if START_CONFIG in job.files else None


def contract_to_train(
    model: ModelTable,
    labels: tuple[str, ...],
    start: ModelContract | None = None,
    *,
    where: str | Path = "[model]",
) -> ModelContract:
    """Return the contract of the model that the variant asks to train.

    Args:
        model: the table of the variant.
        labels: the classes.
        start: contract of the model that the training starts from; None from scratch.
        where: name of the table in errors.

    Raises:
        InputError: the table contradicts ``start``.
    """
    if start is not None:
        refuse_contradictions(model, start, where=where)
        return replace(start, labels=labels, output_activation=OutputActivation.LOGIT)
    return ModelContract(
        frontend=frontend_to_train(model),
        labels=labels,
        output_activation=OutputActivation.LOGIT,
        magnitude_scale=MagnitudeScale(model.magnitude_scale),
        alpha=model.alpha,
        depth_multiplier=model.depth_multiplier,
        embedding_size=model.embedding_size,
        architecture=Architecture(
            stage_widths=model.stage_widths,
            stage_depths=model.stage_depths,
            depthwise_kernels=model.depthwise_kernels,
        ),
    )


def frontend_to_train(model: ModelTable) -> FrontendSpec:
    """Return the front end of the model that the variant asks to train."""
    return FrontendSpec(
        kind=Frontend(model.frontend),
        sample_rate_hz=model.sample_rate_hz,
        window_samples=round(model.sample_rate_hz * model.window_s),
        fft_length=model.fft_length,
        spec_width=model.spec_width,
        num_mels=model.num_mels,
        compression=Compression(model.input_compression),
        layout=InputLayout(model.layout),
    )


def refuse_contradictions(
    model: ModelTable,
    start: ModelContract,
    *,
    where: str | Path = "[model]",
    keys: Collection[str] = tuple(ModelTable.model_fields),
) -> None:
    """Refuse a key that contradicts the model that the training starts from.

    Args:
        model: the table of the variant.
        start: contract of that model.
        where: name of the table in errors.
        keys: the keys to look at.

    Raises:
        InputError: a key is set that has another value there, or that such a model does not have.
    """
    spec = start.frontend
    fixed = {
        "sample_rate_hz": spec.sample_rate_hz,
        "window_s": spec.window_s,
        "frontend": spec.kind.value,
        "fft_length": spec.fft_length,
        "spec_width": spec.spec_width,
        "num_mels": spec.num_mels,
        "layout": spec.layout.value,
        "input_compression": spec.compression.value,
        "magnitude_scale": start.magnitude_scale.value,
        "alpha": start.alpha,
        "depth_multiplier": start.depth_multiplier,
        "embedding_size": start.embedding_size,
        "stage_widths": start.architecture.stage_widths,
        "stage_depths": start.architecture.stage_depths,
        "depthwise_kernels": start.architecture.depthwise_kernels,
    }
    for key in sorted(model.model_fields_set.intersection(keys)):
        asked = getattr(model, key)
        if key not in fixed or asked != fixed[key]:
            raise InputError(
                f"{key} is {shown_value(asked)}, and training starts from a model that already fixes it",
                where=where,
                expected=shown_value(fixed[key]) if key in fixed else f"no key {key}",
                remedy=(f"leave {key} out", "leave start out of [train], to train from scratch"),
            )


def window_shape(job: Job) -> WindowShape:
    """Return rate, length and hop of the variant's windows.

    Raises:
        InputError: a configuration is wrong, or the variant contradicts it.
    """
    if "checkpoint" in job.files:
        return checkpoint_contract(job).frontend.window_shape
    start = start_contract(job)
    if start is not None:
        refuse_contradictions(job.variant.model, start, keys=("sample_rate_hz", "window_s"))
        return start.frontend.window_shape
    return frontend_to_train(job.variant.model).window_shape


def write_contract(contract: ModelContract, folder: Path) -> None:
    """Write configuration, labels and float front end in the form of published models."""
    (folder / CONFIG).write_text(canonical_json(contract_to_json(contract)), encoding="utf-8")
    if contract.frontend.mixer is not None:
        save_mixer(folder / FLOAT_FRONT_END_FILE, contract.frontend.mixer)
    (folder / LABELS).write_text("".join(f"{label}\n" for label in contract.labels), encoding="utf-8")
