"""Labels of Audacity, a file for each recording: start, end and label of the class, without a header.

Three columns are all that Audacity's grammar has, so the score stands in the other tables. The label alone
can be read back as the class, for a training with corrected labels.
"""

from __future__ import annotations

from collections.abc import Sequence

from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.detect.tables.delimited_text import tab_separated
from birdnet_stm32.detect.tables.event_rows import TableSettings, rows_of
from birdnet_stm32.detect.tables.table_names import beside_path

FOLDER = "audacity"


def audacity_files(recordings: Sequence[DetectedRecording], settings: TableSettings) -> dict[str, bytes]:
    """Return the labels of each recording that has events, by their names."""
    return {
        beside_path(FOLDER, recording.path, ".txt"): tab_separated(
            (row.start_text, row.end_text, row.label) for row in rows_of(recording, settings)
        )
        for recording in recordings
        if recording.events
    }
