"""Has a teacher hear the windows of training; publishes its scores, and how far they agree with the labels.

``scores.npy`` has a row for each window and a column for each class that the teacher knows, ``first.npy`` the
output with its highest score, ``embeddings.npy`` its embeddings, scaled to length 1, ``chosen.npy`` the
windows that are learned from, and ``teacher.json`` what is known of it. Nothing of the teacher itself is
published, and nothing of this folder becomes part of a bundle.

What was heard is kept beside this folder, in ``teacher.kept``, piece by piece. So a run that was killed goes
on where it was, and of a recording that changed, only this one is heard again.
"""

from __future__ import annotations

import numpy as np

from birdnet_stm32.engine import store
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.files.document import write_document
from birdnet_stm32.model.teacher.ask_teacher import ask_teacher
from birdnet_stm32.model.teacher.teacher_document import TeacherDocument
from birdnet_stm32.model.teacher.teacher_scores import CHOSEN
from birdnet_stm32.progress import track
from birdnet_stm32.stages.inputs.time_left import with_time_left
from birdnet_stm32.stages.inputs.windows import classes_to_train, open_window_set
from birdnet_stm32.terminal_text import counted, first_names

LEAST_AGREEMENT = 0.1  # share of windows; less is more likely a wrong label file than a bad teacher


def run(job: Job) -> Outcome:
    """Hear what was not heard yet, and publish the scores of all windows."""
    table = job.variant.teacher
    assert table is not None  # noqa: S101 - the catalog asks for this stage only then
    windows = open_window_set(job.inputs["windows"])
    with track("windows heard") as report:
        asked = ask_teacher(
            windows,
            classes_to_train(windows),
            table,
            job.variant.windows,
            job.release.resolve,
            job.out,
            pieces_folder=store.kept(job.release.folder("teacher")),
            report=with_time_left(report),
        )
    np.save(job.out / CHOSEN, asked.chosen, allow_pickle=False)
    write_document(asked.document, job.out)
    return Outcome(
        summary=_sentence(asked.document),
        measures={
            "windows": asked.document.windows,
            "heard": asked.document.heard_windows,
            "left_out": asked.document.left_out_windows,
        },
        warnings=_warnings(asked.document),
    )


def _sentence(found: TeacherDocument) -> str:
    agreement, unknown = found.agreement, found.unknown_classes
    said = f"{found.name} knows {len(found.classes)} of {len(found.classes) + len(unknown)} classes"
    if agreement.heard is not None:
        said += f" and hears the labelled one in {100 * agreement.heard:.0f}% of the windows of training"
    if unknown:
        said += f"; it does not know {first_names(unknown, most=3)}"
    if found.left_out_windows:
        said += f"; {counted(found.left_out_windows, 'window')} not learned from"
    return said


def _warnings(found: TeacherDocument) -> tuple[str, ...]:
    heard = found.agreement.heard
    if heard is None or heard >= LEAST_AGREEMENT:
        return ()
    return (
        f"the teacher hears the labelled species in {100 * heard:.0f}% of the windows of training: is its "
        "label file in the order of its outputs, and does it hear audio of the right sample rate?",
    )
