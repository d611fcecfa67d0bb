"""A teacher in a ``.keras`` file of this project, loaded as data: nothing in it is executed."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.model.teacher.network import Floats, NetworkOutputs
from birdnet_stm32.terminal_text import first_names


class KerasNetwork:
    """A checkpoint of this project.

    Args:
        path: the ``.keras`` file.
        contract: what it is fed, and its classes.
        embedding: name of the layer whose output is the embedding; None for the input of the last layer.

    Raises:
        InputError: the file is damaged, holds code, contradicts its configuration, or lacks the layer.
    """

    in_threads = False

    def __init__(self, path: Path, contract: ModelContract, embedding: str | None) -> None:
        model = checkpoint.load(path, contract)
        layers = {layer.name: layer for layer in model.layers}
        if embedding is not None and embedding not in layers:
            raise InputError(
                f"has no layer {embedding!r}, which [teacher] embedding names",
                where=path,
                expected=f"a layer of this model: {first_names(list(reversed(layers)))}",
            )
        vector = model.layers[-1].input if embedding is None else layers[embedding].output
        self._model = keras.Model(model.inputs[0], [model.outputs[0], vector])
        self.input_shape = tuple(model.input_shape[1:])
        self.class_count = len(contract.labels)
        self.embedding_size = int(np.prod(vector.shape[1:]))

    def run(self, inputs: Floats) -> NetworkOutputs:
        """Compute several windows."""
        values, vectors = self._model.predict_on_batch(inputs)
        return NetworkOutputs(values=values, embeddings=vectors.reshape(len(inputs), -1))
