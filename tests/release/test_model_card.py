"""The model card says what is known, repeats byte by byte, and shows names as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument
from birdnet_stm32.evaluate.thresholds_document import ThresholdsDocument
from birdnet_stm32.gates import Direction, judge
from birdnet_stm32.release.facts import Fact
from birdnet_stm32.release.model_card import ClassSplit, ModelCard, markdown_text, model_card_text

MakeAccuracy = Callable[..., EvaluateDocument]
MakeThresholds = Callable[..., ThresholdsDocument]
HOSTILE = "<script>alert(1)</script> | [x](http://a.b) **b** `c`\n\n# d"


@pytest.fixture
def make_card(make_accuracy: MakeAccuracy, make_thresholds: MakeThresholds) -> Callable[[str], ModelCard]:
    def make(label: str) -> ModelCard:
        labels = (label, "Turdus merula_Blackbird", "Corvus corax_Raven")
        return ModelCard(
            title=label,
            version="1.2.3",
            variant="demo",
            details=(Fact(name="input", value="2.5 s of mono audio"), Fact(name="SHA-256", value="0" * 64)),
            classes=(
                ClassSplit(label=label, background=False, train=12, validation=3, test=4),
                ClassSplit(label="noise", background=True, train=1_200, validation=30, test=40),
            ),
            licences=(("CC-BY-4.0", 15), (label, 2)),
            unlicensed=1,
            accuracy=make_accuracy(*labels),
            thresholds=make_thresholds(*labels),
            gates=(judge("recall", "recall of calls", 0.61, Direction.AT_LEAST, 0.5),),
            limits=("Nothing ran on silicon.", label),
        )

    return make


def test_the_card_of_a_whole_release(
    make_card: Callable[[str], ModelCard], assert_golden: Callable[[str, str], None]
) -> None:
    assert_golden("release/MODEL_CARD.md", model_card_text(make_card("Parus major_Great Tit")))


def test_the_card_of_a_release_of_which_nothing_is_known(assert_golden: Callable[[str, str], None]) -> None:
    card = ModelCard(title="Unknown", version="0.1.0", variant="unknown", trained=False)
    assert_golden("release/MODEL_CARD_of_nothing.md", model_card_text(card))


def test_where_nothing_was_held_out_the_card_says_what_would_help(
    make_card: Callable[[str], ModelCard], make_accuracy: MakeAccuracy
) -> None:
    document = replace(make_accuracy("wren"), forms=(), statements=("Not measured.",), advice=("Give more.",))
    text = model_card_text(replace(make_card("wren"), accuracy=document))
    assert "There is none: accuracy was not measured." in text
    assert "- Give more." in text


def test_its_sections_are_those_of_model_cards(make_card: Callable[[str], ModelCard]) -> None:
    text = model_card_text(make_card("wren"))
    sections = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert sections == [
        "Model details",
        "Intended use",
        "Factors",
        "Metrics",
        "Evaluation data",
        "Training data",
        "Quantitative analyses",
        "Thresholds",
        "Ethical considerations",
        "Caveats: what this does not say",
        "How to reproduce",
    ]


def test_hostile_names_are_text(make_card: Callable[[str], ModelCard]) -> None:
    html = MarkdownIt("commonmark").enable("table").render(model_card_text(make_card(HOSTILE)))
    harmless = MarkdownIt("commonmark").enable("table").render(model_card_text(make_card("wren")))
    assert "<script" not in html
    for tag in ("<h1", "<h2", "<a ", "<tr", "<td", "<li", "<strong", "<code", "<p>"):
        assert html.count(tag) == harmless.count(tag), tag


@given(st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=40))
def test_markdown_shows_the_text_itself(text: str) -> None:
    rendered = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(f"- {markdown_text(text)}\n")
    (inline,) = [token for token in rendered if token.type == "inline"] or [None]
    shown = "" if inline is None else "".join(child.content for child in inline.children or [])
    assert shown == " ".join(text.split())
    assert {child.type for child in (inline.children or [] if inline else [])} <= {"text", "text_special"}
