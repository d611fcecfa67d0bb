"""The page of ``evaluate --report_html``: the sections about accuracy that the release report has."""

from __future__ import annotations

from collections.abc import Sequence

from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument
from birdnet_stm32.evaluate.thresholds_document import ThresholdsDocument
from birdnet_stm32.release.accuracy_headline import accuracy_badge
from birdnet_stm32.release.accuracy_section import accuracy_section
from birdnet_stm32.release.facts import Fact
from birdnet_stm32.release.mistake_clips import mistake_clips
from birdnet_stm32.release.report import page_environment


def render_evaluation(
    document: EvaluateDocument,
    *,
    name: str,
    windows: WindowSet | None = None,
    models: Sequence[Fact] = (),
    thresholds: ThresholdsDocument | None = None,
) -> str:
    """Return the page. Equal data give equal bytes; every text in it is escaped.

    Args:
        document: the measured accuracy, with the gates that judged it.
        name: what the recordings are called: the name of their folder or of the variant.
        windows: the recordings, from which the worst mistakes are cut; None for a page without sounds.
        models: the form and the file of each model.
        thresholds: the threshold of each class and what validation recordings let expect of it.
    """
    clips = (
        () if windows is None else mistake_clips(document.mistakes, windows.reader(), windows.window_shape)
    )
    return (
        page_environment()
        .get_template("evaluation_page.html.j2")
        .render(
            document=document,
            name=name,
            models=models,
            badge=accuracy_badge(document),
            accuracy=accuracy_section(document, thresholds, clips),
        )
    )
