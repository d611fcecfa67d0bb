"""README.txt says how to flash what is there, and always what was not proven."""

from __future__ import annotations

from birdnet_stm32.boards import folders
from birdnet_stm32.gates import Direction, judge
from birdnet_stm32.release.credits import Credit, credits_text
from birdnet_stm32.release.readme import FlashFile, readme_text

GATE = judge("cosine_mean", "mean cosine", 0.98, Direction.AT_LEAST, 0.95)
BOARD = folders.find("stm32n6570_dk")


def test_files_are_flashed_in_order_of_their_address() -> None:
    text = readme_text(
        title="Great\nTits",
        version="1.0",
        board=BOARD,
        flash_files=[
            FlashFile(path="dk/weights.hex", address=0x7040_0000, what="weights"),
            FlashFile(path="dk/application.hex", address=0x7010_0000, what="application"),
        ],
    )
    assert text.startswith("Great Tits, version 1.0\n")
    order = [
        text.index(mark)
        for mark in ("0x70000000", "dk/application.hex", "0x70100000", "0x70400000", "4. Put both BOOT")
    ]
    assert order == sorted(order)


def test_it_never_claims_hardware() -> None:
    text = readme_text(title="t", version="1", gates=[GATE], proven=["0 of 520 outputs differ"])
    assert "Nothing in this release has run on an STM32N6" in text
    assert "- 0 of 520 outputs differ" in text
    assert "- mean cosine: 0.98, at least 0.95: passed" in text
    assert "holds no image" in text
    assert BOARD.product not in text


def test_it_opens_with_how_good_the_model_is() -> None:
    text = readme_text(
        title="t", version="1", accuracy=["Finds 61 % of the calls.", "cmAP\n0.6"], contents=[("c/", "C")]
    )
    order = ["How good it is", "- Finds 61 % of the calls.", "- cmAP 0.6", "MODEL_CARD.md", "Contents"]
    assert sorted(order, key=text.index) == order
    assert "How good it is" not in readme_text(title="t", version="1")


def test_it_says_when_a_species_is_reported() -> None:
    text = readme_text(title="t", version="1", rule="2 of 3 windows within 3.75 s")
    assert "reports an event of a species by 2 of 3 windows within 3.75 s." in " ".join(text.split())
    assert "is reported" not in readme_text(title="t", version="1")


def test_lines_fit_a_terminal() -> None:
    flash = [FlashFile(path="dk/application.hex", address=0x7010_0000, what="application")]
    assert (
        max(map(len, readme_text(title="t", version="1", board=BOARD, flash_files=flash).splitlines())) <= 112
    )


def test_credits_are_sorted_and_cannot_fake_a_paragraph() -> None:
    works = [
        Credit(work="b\n\nfake", authors="B", licence="MIT", use="songs"),
        Credit(work="a", authors="A", licence="MIT", use="songs", source="package index"),
    ]
    paragraphs = credits_text(works).split("\n\n")
    assert [paragraph.splitlines()[0] for paragraph in paragraphs[1:]] == ["a", "b fake"]
    assert "  from: package index" in paragraphs[1]
