"""Run a candidate and its float model on the same windows, and compare their probabilities."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.config.variant import VerifyTable
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.gates import Gate, refuse_failures
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.model.training.predict import predict
from birdnet_stm32.progress import Report
from birdnet_stm32.quant.verify import Comparison, agreement_gates, compare, remedies
from birdnet_stm32.terminal_text import counted
from birdnet_stm32.tflite import interpreter


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Probabilities of the float and of the int8 model, float32 [n, classes], and how they compare."""

    reference: NDArray[np.float32]
    quantized: NDArray[np.float32]
    comparison: Comparison

    def gates(self, limits: VerifyTable, remedies: tuple[str, ...] = ()) -> tuple[Gate, ...]:
        """Return the gates on the agreement of the two models."""
        return agreement_gates(self.comparison, limits, remedies)

    def require(
        self,
        limits: VerifyTable,
        contract: ModelContract,
        *,
        where: str,
        tried: Collection[str],
        per_tensor: bool,
        doctor: str,
        not_needed: Collection[str] = (),
    ) -> None:
        """Refuse an int8 model that fails a gate.

        Args:
            limits: the limits of the gates.
            contract: front end and classes of the model.
            where: name of the model, for the message.
            tried: the recipes that were computed.
            per_tensor: whether each kernel has one scale for all its channels.
            doctor: the command that looks for the cause.
            not_needed: the recipes that were not computed, because another one passed the gates on the
                windows held out of the calibration.

        Raises:
            GateError: names each measure with its limit, and what may help this model.
        """
        advice = remedies(contract, tried=tried, per_tensor=per_tensor, doctor=doctor, not_needed=not_needed)
        refuse_failures(
            self.gates(limits, advice),
            "the int8 model is too far from the float model",
            where=f"{where}, {counted(self.comparison.all.windows, 'validation window')}",
        )


def score(
    model: Any,
    contract: ModelContract,
    candidate: bytes,
    candidate_contract: ModelContract,
    windows: NDArray[np.int16],
    report: Report,
) -> Scores:
    """Run both models over ``windows``, each on the features of its own front end.

    Args:
        model: the float Keras model.
        contract: front end and classes of the float model.
        candidate: the ``.tflite`` made from it.
        candidate_contract: front end and classes of the ``.tflite``.
        windows: int16 [n, samples].
        report: called with (done, total) after each window of the int8 model.
    """
    reference = probabilities(predict(model, windows, contract), contract)
    outputs = interpreter.run(
        candidate,
        features(windows, candidate_contract.frontend),
        on_window=lambda done: report(done, len(windows)),
    )
    quantized = probabilities(outputs, candidate_contract)
    return Scores(reference=reference, quantized=quantized, comparison=compare(reference, quantized))
