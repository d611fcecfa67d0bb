"""The table of a variant that says which windows of its recordings are used."""

from __future__ import annotations

from birdnet_stm32.config.config_table import ConfigTable


class WindowsTable(ConfigTable):
    """The windows that recordings are cut into."""
