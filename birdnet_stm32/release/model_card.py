"""Write the model card of a release: what the model is, what it is for, how good it is, what nobody knows.

The sections are those of Mitchell et al., *Model Cards for Model Reporting* (FAT* 2019), with one for the
thresholds and one that says how the numbers can be reproduced.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jinja2

from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument
from birdnet_stm32.evaluate.accuracy_text import loss_text, rate_with_interval, share_with_interval
from birdnet_stm32.evaluate.sentences import hours_text
from birdnet_stm32.evaluate.thresholds_document import ThresholdsDocument
from birdnet_stm32.gates import Gate
from birdnet_stm32.release.accuracy_section import FEW_RECORDINGS, measure_rows, species_rows
from birdnet_stm32.release.facts import Fact
from birdnet_stm32.terminal_text import counted, printable

MODEL_CARD = "MODEL_CARD.md"
TEMPLATES = Path(__file__).parent / "templates"
# What Markdown, or the HTML in it, could take for a mark. Inside a word it takes no underscore for one.
_MARKS = re.compile(r"[\\`*\[\]<>|~$&]|(?<![^\W_])_|_(?![^\W_])")
# What GitHub makes a link or a person of, and what begins a list, a heading or a rule at the start of a line.
_LINKS = re.compile(r"(?<=\w):(?=//)|(?<=www)\.|@")
_START = re.compile(r"^(?:[-+=#]|\d+(?=[.)](?:\s|$)))")


@dataclass(frozen=True, kw_only=True)
class ClassSplit:
    """How many recordings of a class serve for what.

    Args:
        label: the class.
        background: whether it is background, not a species.
        train: number of recordings that the model is trained on.
        validation: number that choose the epoch, the recipe and the thresholds.
        test: number that only measure accuracy.
    """

    label: str
    background: bool
    train: int
    validation: int
    test: int


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """The data of a model card. What a release does not have is None or empty.

    Args:
        title: title of the variant.
        version: version of the variant.
        variant: name of the variant.
        details: what the model is.
        trained: whether the pipeline trained it; otherwise it starts from a given checkpoint.
        learned: what the model learned from besides its recordings, a sentence each.
        classes: the recordings of each class.
        licences: the number of files under each licence.
        unlicensed: number of files without a stated licence.
        accuracy: how well it hears.
        thresholds: from which probability each class counts as heard.
        gates: every gate of the release.
        limits: what nobody has shown, a sentence each.
    """

    title: str
    version: str
    variant: str
    details: tuple[Fact, ...] = ()
    trained: bool = True
    learned: tuple[str, ...] = ()
    classes: tuple[ClassSplit, ...] = ()
    licences: tuple[tuple[str, int], ...] = ()
    unlicensed: int = 0
    accuracy: EvaluateDocument | None = None
    thresholds: ThresholdsDocument | None = None
    gates: tuple[Gate, ...] = ()
    limits: tuple[str, ...] = ()


def model_card_text(card: ModelCard) -> str:
    """Return the model card as Markdown. Equal data give equal text; every text in it is escaped."""
    accuracy = card.accuracy
    return (
        _environment()
        .get_template(f"{MODEL_CARD}.j2")
        .render(
            card=card,
            accuracy=accuracy,
            measures=() if accuracy is None else measure_rows(accuracy),
            species=() if accuracy is None else species_rows(accuracy),
            few=FEW_RECORDINGS,
        )
    )


def markdown_text(text: object) -> str:
    r"""Return text that Markdown shows as it is, in one line.

    >>> markdown_text("<b>*Parus* major_Great Tit")
    '\\<b\\>\\*Parus\\* major_Great Tit'
    >>> markdown_text("- https://example.org")
    '\\- https&#58;//example.org'
    """
    flat = printable(" ".join(str(text).split()))
    escaped = _MARKS.sub(r"\\\g<0>", flat)
    escaped = _LINKS.sub(lambda found: f"&#{ord(found.group())};", escaped)
    return _START.sub(lambda found: _escaped_start(found.group()), escaped)


def _escaped_start(start: str) -> str:
    """Return the start of a line so that it starts neither a list nor a rule."""
    return f"&#{ord(start[0])};{start[1:]}" if start[0].isdigit() else f"\\{start}"


@cache
def _environment() -> jinja2.Environment:
    """Return the Jinja environment of model cards: whatever is printed is escaped for Markdown."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown, not HTML: finalize escapes
        finalize=markdown_text,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        counted=counted,
        hours_text=hours_text,
        loss_text=loss_text,
        share_with_interval=share_with_interval,
        rate_with_interval=rate_with_interval,
    )
    return environment
