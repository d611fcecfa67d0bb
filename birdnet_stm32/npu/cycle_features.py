"""What of an operator or a network its time is estimated from."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True)
class Features:
    """What an operator or a network asks for.

    Args:
        macs: multiply-accumulates on the NPU.
        weight_bytes: constants, each read once from the flash.
        activation_bytes: read and written on the NPU.
        starts: operators on the NPU that are more than a view.
        software_bytes: read and written by the Cortex-M55.
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
