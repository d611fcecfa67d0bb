"""The features of an operator or a network from which its time is estimated."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True)
class Features:
    """The work of an operator or a network.

    Args:
        macs: multiply-accumulates on the NPU.
        weight_bytes: bytes of constants. Each is read once from the flash.
        activation_bytes: bytes that the NPU reads and writes.
        starts: number of operators on the NPU that are not only views.
        software_bytes: bytes that the Cortex-M55 reads and writes.
    """

    macs: float
    weight_bytes: float
    activation_bytes: float
    starts: float
    software_bytes: float

    def __add__(self, other: Features) -> Features:
        """Return the sums."""
        return Features(
            **{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)}
        )


NO_FEATURES = Features(macs=0, weight_bytes=0, activation_bytes=0, starts=0, software_bytes=0)
