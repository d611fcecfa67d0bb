"""Measures tensor by tensor where int8 hurts, whether the model passes its gates or not.

``layers.json``, over at most 100 validation windows, of the candidate that ``convert`` chose:

- ``recipe``: that made it; ``windows``: how many
- ``cosine_mean``: of the probabilities, int8 by the reference kernels against the float model
- ``baseline``: the same by the fast kernels, that every gain below is counted from
- ``weights_gain``: what the mean cosine gains if only kernels and biases stay float
- ``groups``: ranked by gain, each ``name``, ``tensors`` (names), ``gain``, ``gain_error``, ``gain_up_to``
- ``tensors``: ranked by gain, each ``name``, ``operator``, ``group``, ``position``, ``low``, ``high``,
  ``snr_db``, ``cosine``, ``bias``, ``saturation``, ``codes``, ``gain``, ``gain_error``

What each means, :mod:`birdnet_stm32.quant.sensitivity.measure` says.
"""

from __future__ import annotations

import numpy as np

from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.files import json_file
from birdnet_stm32.frontend.contract import read_contract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.model.training.fit import predict
from birdnet_stm32.progress import track
from birdnet_stm32.quant.sensitivity.measure import layer_report, spread, to_json
from birdnet_stm32.stages.inputs.file_names import CANDIDATE, CONFIG, FLOAT_MODEL, LAYERS
from birdnet_stm32.stages.inputs.float_model import float_model
from birdnet_stm32.stages.inputs.windows import load_windows


def run(job: Job) -> Outcome:
    """Compare the chosen candidate with the float model behind it, and its outputs with the source's."""
    source, chosen = float_model(job), job.inputs["convert"]
    contract = read_contract(chosen / CONFIG)
    validation = load_windows(job.inputs["representative"]).validation
    windows = np.asarray(validation[spread(len(validation))])
    model = checkpoint.load(source.path, source.contract)
    expected = probabilities(predict(model, windows, source.contract), source.contract)
    with track("layers") as report:
        found = layer_report(
            (chosen / CANDIDATE).read_bytes(),
            checkpoint.load(chosen / FLOAT_MODEL, contract),
            contract,
            features(windows, contract.frontend),
            expected,
            report=report,
        )
    recipe = json_file.load_json(chosen / "convert.json")["recipe"]
    fields = {"recipe": recipe, **to_json(found)}
    (job.out / LAYERS).write_text(json_file.canonical_json(fields), encoding="utf-8")
    worst = found.groups[0]
    return Outcome(summary=f"cosine {found.cosine_mean:.4f}, with {worst.name} in float {worst.gain:+.4f}")
