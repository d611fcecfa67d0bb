"""Chooses from which probability each species counts as heard; publishes ``thresholds.json``.

The validation recordings choose: they neither trained the model nor measure its accuracy. Those to which a
checkpoint is known to have been fitted are left out. With ``[train] refit`` the model learned from them in
the end. The probabilities are then those that the network of the best epoch gave them before.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from birdnet_stm32.audio.splits import recording_split
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.evaluate.held_out import judging_windows, scored_windows
from birdnet_stm32.evaluate.score import int8_scorer, score_windows
from birdnet_stm32.evaluate.thresholds import choose_thresholds
from birdnet_stm32.files.document import write_document
from birdnet_stm32.files.regular_file import sha256_of
from birdnet_stm32.frontend.contract import read_contract
from birdnet_stm32.progress import track
from birdnet_stm32.stages.inputs.annotated_calls import read_calls
from birdnet_stm32.stages.inputs.file_names import CONFIG, HELD_OUT_SCORES, MODEL
from birdnet_stm32.stages.inputs.learned import read_learned
from birdnet_stm32.stages.inputs.windows import open_window_set
from birdnet_stm32.terminal_text import counted


def run(job: Job) -> Outcome:
    """Choose the thresholds."""
    verified = job.inputs["verify"]
    contract = read_contract(verified / CONFIG)
    everything = open_window_set(job.inputs["windows"])
    calls = read_calls(job.inputs["index"])
    validation = everything.in_split(recording_split.VALIDATION)
    fitted = {
        digest: use for digest, use in (read_learned(job) or {}).items() if use == recording_split.TRAIN
    }
    judging = judging_windows(validation, contract.labels, calls, fitted)
    windows = judging.windows
    kept = np.isin(validation.recording_of, np.unique(windows.recording_of))
    earlier = job.inputs["train"] / HELD_OUT_SCORES if "train" in job.inputs else None
    if earlier is not None and earlier.is_file():
        scores = np.load(earlier, allow_pickle=False)[kept]
    else:
        scorer = int8_scorer((verified / MODEL).read_bytes(), contract)
        with track("thresholds") as report:
            scores = score_windows(windows, scorer, len(contract.labels), report)
    document = choose_thresholds(
        scored_windows(windows, {"int8": scores}, contract.labels, annotated=calls),
        job.variant.thresholds,
        default=job.variant.firmware.threshold,
    )
    write_document(replace(document, model=sha256_of(verified / MODEL)), job.out)
    values = sorted({one.threshold for one in document.species})
    chosen = job.variant.thresholds.precision or job.variant.thresholds.false_alarms_per_hour
    spread = f"{values[0]:.2f}" if len(values) == 1 else f"{values[0]:.2f} to {values[-1]:.2f}"
    return Outcome(
        summary=f"{spread}, for {document.aim}" if chosen else document.aim,
        measures={"lowest": values[0], "highest": values[-1]},
        warnings=tuple(
            f"{counted(one.count, 'validation recording')} chose no threshold: {one.reason}"
            for one in judging.left_out
        ),
    )
