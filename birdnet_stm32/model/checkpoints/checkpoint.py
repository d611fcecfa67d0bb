"""Load and save trained networks. A checkpoint is data: nothing in it is executed.

Three kinds are read: checkpoints of this project, those of the published version 0.9, and those of the
published line 1.x. The published versions have one layer that stock Keras lacks; the modules
``published_front_end`` and ``line_1x`` rewrite it.
"""

from __future__ import annotations

import copy
import math
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import MagnitudeScale, ModelContract, OutputActivation
from birdnet_stm32.model.architecture import keras_layers
from birdnet_stm32.model.checkpoints import front_end_layer, published_front_end
from birdnet_stm32.model.checkpoints import keras_archive as keras_archive
from birdnet_stm32.model.checkpoints.allowlist import refuse_foreign_objects
from birdnet_stm32.model.checkpoints.keras_archive import KerasArchive
from birdnet_stm32.model.checkpoints.keras_versions import modernise_config
from birdnet_stm32.model.checkpoints.line_1x import rewrite as line_1x
from birdnet_stm32.terminal_text import counted, printable

_MAKE_BANDS = frozenset({"mel_mixer", "bands"})
_SIZES = ("units", "filters", "kernel_size", "depth_multiplier")  # divisors of a layer's number of weights
_ACTIVATIONS = {"linear": OutputActivation.LOGIT, "sigmoid": OutputActivation.SIGMOID}


def tell(note: str) -> None:
    """Print a note about a checkpoint."""
    print(note, file=sys.stderr)


def load(path: Path, contract: ModelContract, *, on_note: Callable[[str], None] = tell) -> keras.Model:
    """Load a checkpoint.

    Args:
        path: a ``.keras`` file of Keras 2 or 3, functional or sequential.
        contract: what the model is fed and what its outputs mean.
        on_note: called with a sentence for everything that is computed differently than in training.

    Returns:
        A flat functional model of stock Keras layers and the project's own (module ``keras_layers``), from
        ``[batch, *contract.frontend.input_shape]`` to ``[batch, classes]``.

    Raises:
        InputError: the file is damaged, names a layer that could run code, lacks weights, or contradicts
            ``contract``.
    """
    archive = keras_archive.read(path)
    config, notes = modernise_config(archive.config, path)
    archive = replace(archive, config=config)
    layer = front_end_layer.find_front_end(archive.config, path)
    of_line_1x = layer is not None and line_1x.is_of_line_1x(archive, layer)
    if layer is not None:
        rewrite = line_1x.rewrite_front_end if of_line_1x else published_front_end.rewrite_front_end
        archive = rewrite(archive, layer, contract, path)
    # The compile settings of the training are not needed here, and more objects would have to be trusted.
    config = {key: value for key, value in archive.config.items() if key != "compile_config"}
    refuse_foreign_objects(config, path)
    _refuse_large(config, archive, path)
    model = _functional(_deserialise(config, path), contract, path)
    _set_weights(model, archive, path)
    if (
        of_line_1x
        and contract.output_activation is OutputActivation.LOGIT
        and _activation(model) == "sigmoid"
    ):
        model = _without_sigmoid(model)
        notes += (
            "it gives probabilities, and the configuration says logits, as it describes the .tflite of a "
            "bundle: the sigmoid at its end is left out",
        )
    _check_contract(model, contract, path)
    for note in notes:
        on_note(f"{path}: {note}")
    return model


def save(model: keras.Model, path: Path) -> None:
    """Write ``model`` to ``path``: float32 weights without an optimizer. Equal weights give equal bytes.

    Args:
        model: the model.
        path: the ``.keras`` file.

    Raises:
        InputError: the model holds a layer that :func:`load` would refuse.
    """
    config: dict[str, Any] = keras.saving.serialize_keras_object(model)
    config.pop("compile_config", None)
    refuse_foreign_objects(config, path)
    bare = _deserialise(config, path)  # a compiled model would store its optimizer's state
    bare.set_weights(model.get_weights())
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "model.weights.h5"
        bare.save_weights(weights)
        weights_h5 = weights.read_bytes()
    keras_archive.write(path, config=config, weights_h5=weights_h5, keras_version=keras.__version__)


def as_logits(model: keras.Model, contract: ModelContract) -> tuple[keras.Model, ModelContract]:
    """Return ``model`` without a sigmoid at its end, and the contract that says so.

    An int8 sigmoid has steps of 1/256, which is coarser than most probabilities. All layers except the last
    one are shared with ``model``.
    """
    if contract.output_activation is OutputActivation.LOGIT:
        return model, contract
    return _without_sigmoid(model), replace(contract, output_activation=OutputActivation.LOGIT)


def _without_sigmoid(model: keras.Model) -> keras.Model:
    last = model.layers[-1]
    dense = keras.layers.Dense.from_config({**last.get_config(), "activation": "linear"})
    logits = keras.Model(model.inputs[0], dense(last.input), name=model.name)
    dense.set_weights(last.get_weights())
    return logits


def _deserialise(config: dict[str, Any], path: Path) -> keras.Model:
    custom_objects = {f"{keras_layers.PACKAGE}>Decibel": keras_layers.Decibel}
    with _building(path):
        model = keras.saving.deserialize_keras_object(
            copy.deepcopy(config),  # which Keras empties while it reads
            custom_objects=custom_objects,
            safe_mode=True,
        )
    if not isinstance(model, keras.Model):
        raise InputError(f"its configuration is of a {type(model).__name__}, not of a model", where=path)
    return model


@contextmanager
def _building(path: Path) -> Iterator[None]:
    """Say in our words why Keras cannot build what a checkpoint describes. Raises: InputError."""
    try:
        yield
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise InputError("its layers need more memory than there is", where=path) from error
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, RuntimeError) as error:
        raise InputError(
            f"Keras {keras.__version__} cannot build its layers: {_first_line(error)}",
            where=path,
            expected="a model saved by Keras 2.12 or newer, whose layers this version knows",
            remedy=f"load it where it was trained and save it with Keras {keras.__version__}",
        ) from error


def _refuse_large(config: dict[str, Any], archive: KerasArchive, path: Path) -> None:
    """Refuse a layer with more weights than are stored, before Keras reserves memory for them.

    Raises:
        InputError: there is such a layer.
    """
    stored = sum(array.size for arrays in archive.weights.values() for array in arrays)
    pending: list[Any] = [config]
    while pending:
        value = pending.pop()
        children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        pending.extend(children)
        for key in _SIZES if isinstance(value, dict) else ():
            sizes = value.get(key)
            least = math.prod(
                size for size in (sizes if isinstance(sizes, list) else [sizes]) if isinstance(size, int)
            )
            if least > max(stored, 1):
                name = printable(value.get("name"), longest=80)
                raise InputError(
                    f"layer {name} has {key} {printable(sizes, longest=80)}",
                    where=path,
                    expected=f"no more than the {stored:,} weights that are stored",
                    remedy="train it again, or name another checkpoint",
                )


def _first_line(error: Exception) -> str:
    """Return the cause that Keras names, without the configuration that it adds."""
    text = str(error).rpartition("Exception encountered:")[2].strip() or type(error).__name__
    return printable(text.split("\n", 1)[0], longest=300)


def _functional(model: keras.Model, contract: ModelContract, path: Path) -> keras.Model:
    """Return ``model`` as a flat functional model with one input and one output.

    A sequential model that was saved before it had an input shape gets the shape of the contract.
    """
    if isinstance(model, keras.Sequential):
        if not model.built:
            with _building(path):
                model.build((None, *contract.frontend.input_shape))
        model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    nested = [layer.name for layer in model.layers if isinstance(layer, keras.Model)]
    if nested:
        raise InputError(
            f"layer {nested[0]} is a model of its own",
            where=path,
            expected="layers, no models inside the model",
            remedy="build it flat where it was trained, set_weights(old.get_weights()), and save it again",
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise InputError(
            f"has {counted(len(model.inputs), 'input')} and {counted(len(model.outputs), 'output')}",
            where=path,
            expected="one of each: a spectrogram or waveform in, a score for every class out",
            remedy="save the part that is meant: keras.Model(model.inputs[0], model.outputs[0])",
        )
    return model


def _set_weights(model: keras.Model, archive: KerasArchive, path: Path) -> None:
    unused = set(archive.weights) - {layer.name for layer in model.layers}
    if unused:
        raise InputError(f"holds weights of {min(unused)}, which is not a layer of the model", where=path)
    for layer in model.layers:
        wanted = [tuple(weight.shape) for weight in layer.weights]
        stored = archive.weights.get(layer.name, ())
        if [array.shape for array in stored] != wanted:
            raise InputError(
                f"layer {layer.name} has stored weights of shapes {[list(array.shape) for array in stored]}",
                where=path,
                expected=f"{[list(shape) for shape in wanted]}",
            )
        layer.set_weights(stored)


def _check_input(model: keras.Model, contract: ModelContract, path: Path) -> None:
    shape, wanted = tuple(model.input_shape[1:]), contract.frontend.input_shape
    contract.frontend.check_input(shape, where=path)
    if shape != wanted:
        raise InputError(f"its input is {list(shape)}", where=path, expected=f"{list(wanted)}")


def _check_scaling(model: keras.Model, contract: ModelContract, path: Path) -> None:
    """Compare ``mag_scale`` with the layers that scale. A model with a float front end has no such layers."""
    shown = next((scale for layer in model.layers if (scale := _scaling(layer)) is not None), None)
    if shown is not None and shown is not contract.magnitude_scale:
        raise InputError(
            f"mag_scale is {contract.magnitude_scale.value}, and the network's layers scale by {shown.value}",
            where=path,
            expected=f"{shown.value}, or another checkpoint",
            remedy=f'put "mag_scale": "{shown.value}" into the configuration, if it is the model\'s own',
        )


def _scaling(layer: keras.layers.Layer) -> MagnitudeScale | None:
    if isinstance(layer, keras_layers.Decibel):
        return MagnitudeScale.DB
    named = "pwl" in str(layer.name).split("_")
    return MagnitudeScale.PWL if named and isinstance(layer, keras.layers.DepthwiseConv2D) else None


def _check_contract(model: keras.Model, contract: ModelContract, path: Path) -> None:
    _check_input(model, contract, path)
    _check_scaling(model, contract, path)
    if model.output_shape[1:] != (len(contract.labels),):
        raise InputError(
            f"it has outputs of shape {list(model.output_shape[1:])}",
            where=path,
            expected=f"{counted(len(contract.labels), 'class')}, one per label",
        )
    for layer in model.layers:
        if layer.name in _MAKE_BANDS and layer.filters != contract.frontend.num_mels:
            raise InputError(
                f"its layer {layer.name} makes {layer.filters} bands",
                where=path,
                expected=f"{contract.frontend.num_mels}, num_mels of the model's configuration",
            )
    last, activation = model.layers[-1], _activation(model)
    if _ACTIVATIONS.get(str(activation)) is not contract.output_activation:
        raise InputError(
            f"its last layer {last.name} is {type(last).__name__} with activation {activation!r}",
            where=path,
            expected=f"a Dense layer with {contract.output_activation.value} outputs",
            remedy="set output_activation in the model's configuration to what the model gives",
        )


def _activation(model: keras.Model) -> Any:
    """Return the activation of the last layer; None if that is not dense."""
    last = model.layers[-1]
    return last.get_config().get("activation") if isinstance(last, keras.layers.Dense) else None
