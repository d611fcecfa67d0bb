"""Measures tensor by tensor what int8 costs, whether the model passes its gates or not.

Publishes ``layers.json``: measures of the candidate that the stage convert chose, over at most 100 validation
windows.
"""

from __future__ import annotations

import numpy as np

from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.files.document import read_document, write_document
from birdnet_stm32.frontend.contract import read_contract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.model.training.predict import predict
from birdnet_stm32.progress import track
from birdnet_stm32.quant.sensitivity.layer_report import LayersDocument
from birdnet_stm32.quant.sensitivity.measure_layers import evenly_spaced, measure_layers
from birdnet_stm32.selection.candidates import ConvertDocument
from birdnet_stm32.stages.inputs.file_names import CANDIDATE, CONFIG, FLOAT_MODEL
from birdnet_stm32.stages.inputs.float_model import float_model
from birdnet_stm32.stages.inputs.windows import load_windows


def run(job: Job) -> Outcome:
    """Compare the chosen candidate with the float model that was quantized, tensor by tensor."""
    source, chosen = float_model(job), job.inputs["convert"]
    contract = read_contract(chosen / CONFIG)
    validation = load_windows(job.inputs["representative"]).validation
    windows = np.asarray(validation[evenly_spaced(len(validation))])
    model = checkpoint.load(source.path, source.contract)
    expected = probabilities(predict(model, windows, source.contract), source.contract)
    with track("layers") as report:
        found = measure_layers(
            (chosen / CANDIDATE).read_bytes(),
            checkpoint.load(chosen / FLOAT_MODEL, contract),
            contract,
            features(windows, contract.frontend),
            expected,
            report=report,
        )
    recipe = read_document(ConvertDocument, chosen).recipe
    write_document(LayersDocument(recipe=recipe, **vars(found)), job.out)
    worst = found.groups[0]
    return Outcome(summary=f"cosine {found.cosine_mean:.4f}, with {worst.name} in float {worst.gain:+.4f}")
