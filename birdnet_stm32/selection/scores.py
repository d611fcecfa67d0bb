"""Scores a candidate against its float model on the same windows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.config.variant import VerifyTable
from birdnet_stm32.errors import GateError
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.model.training.fit import predict
from birdnet_stm32.progress import Report
from birdnet_stm32.quant.verify import Comparison, compare, gate, remedies
from birdnet_stm32.tflite import interpreter


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Probabilities of the float and of the int8 model, float32 [n, classes], and how they compare."""

    reference: NDArray[np.float32]
    quantized: NDArray[np.float32]
    comparison: Comparison

    def missed(self, limits: VerifyTable) -> tuple[str, ...]:
        """Return the gates that the int8 model misses."""
        return gate(
            self.comparison, min_cosine_mean=limits.min_cosine_mean, min_cosine_p05=limits.min_cosine_p05
        )

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
        """Refuse an int8 model that misses a gate.

        Args:
            limits: the gates.
            contract: what the model is.
            where: what to call it.
            tried: the recipes that were computed.
            per_tensor: its kernels have one scale each.
            doctor: the command that looks for the cause.
            not_needed: the recipes that were not, since another did well on held-out windows.

        Raises:
            GateError: says by how much, and what may help this very model.
        """
        missed = self.missed(limits)
        if missed:
            raise GateError(
                "the int8 model is too far from the float model: " + " and ".join(missed),
                where=f"{where}, {self.comparison.all.windows} validation windows",
                expected=f"a mean cosine of at least {limits.min_cosine_mean:g} and a 5th percentile of at "
                f"least {limits.min_cosine_p05:g}, on probabilities",
                remedy=remedies(
                    contract, tried=tried, per_tensor=per_tensor, doctor=doctor, not_needed=not_needed
                ),
            )


def score(
    model: Any,
    contract: ModelContract,
    candidate: bytes,
    candidate_contract: ModelContract,
    windows: NDArray[np.int16],
    report: Report,
) -> Scores:
    """Run both models over ``windows``, each behind its own front end.

    Args:
        model: the float Keras model.
        contract: what it means.
        candidate: the ``.tflite`` made from it.
        candidate_contract: what that means.
        windows: int16 [n, samples].
        report: told about every window that the int8 model has run.
    """
    reference = probabilities(predict(model, windows, contract), contract)
    outputs = interpreter.run(
        candidate,
        features(windows, candidate_contract.frontend),
        on_window=lambda done: report(done, len(windows)),
    )
    quantized = probabilities(outputs, candidate_contract)
    return Scores(reference=reference, quantized=quantized, comparison=compare(reference, quantized))
