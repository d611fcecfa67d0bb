"""What a recorder says of a recording. What it does not say stays unknown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum


class ClockSource(StrEnum):
    """Where the start of a recording is written, the most reliable place first."""

    GUANO = "GUANO"
    COMMENT = "comment of the recorder"
    BROADCAST = "broadcast extension"
    NAME = "file name"


class Certainty(StrEnum):
    """How far the start of a recording can be relied on."""

    STATED = "time and zone are stated"
    ZONE_UNKNOWN = "the time is stated, the zone is not"
    UNSURE = "the time is unsure"


@dataclass(frozen=True, kw_only=True)
class RecorderDetails:
    """When and where a recording was made, and with which device, as far as its file says.

    Args:
        start: when the first sample was recorded. It has a zone if the file states one. Without a zone it is
            what the recorder's clock showed. None if the file says nothing that can be true.
        start_source: where ``start`` is written; None without it.
        certainty: how far ``start`` can be relied on; None without it.
        latitude: in degrees of WGS 84, north positive, -90 to 90; None if unknown. Known only together with
            ``longitude``.
        longitude: in degrees of WGS 84, east positive, -180 to 180.
        make: manufacturer of the recorder; empty if unknown, as the next two.
        model: its product name.
        serial: its serial number.
        notes: what is missing, wrong or in conflict. Each note is one line without a path, with its kind
            before the first colon.
    """

    start: datetime | None = None
    start_source: ClockSource | None = None
    certainty: Certainty | None = None
    latitude: float | None = None
    longitude: float | None = None
    make: str = ""
    model: str = ""
    serial: str = ""
    notes: tuple[str, ...] = ()

    @property
    def start_utc(self) -> datetime | None:
        """The start in UTC; None if it or its zone is unknown."""
        return None if self.start is None or self.start.tzinfo is None else self.start.astimezone(UTC)

    @property
    def has_place(self) -> bool:
        """Whether latitude and longitude are known."""
        return self.latitude is not None and self.longitude is not None
