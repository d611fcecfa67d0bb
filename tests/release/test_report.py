"""The page stands alone, escapes what comes from files, and repeats byte by byte."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from birdnet_stm32.npu.stedgeai.compilation import Blob
from birdnet_stm32.release.facts import Badge, BadgeState
from birdnet_stm32.release.report import render_report
from birdnet_stm32.release.report_data import ReportData

MakeReport = Callable[..., ReportData]
HOSTILE = r"""<script>alert(1)</script>"><img src=x onerror='alert(2)'> $\frac{1}{0}$ {{ 7*7 }} & 🐦"""
VOID = {"meta", "img", "wbr"}
ADDRESSES = {"src", "href", "xlink:href", "action", "srcset", "data", "poster"}


class Page(HTMLParser):
    """Collects elements and text, and checks that elements are closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, attribute: str) -> list[str]:
        return [str(attributes[attribute]) for _, attributes in self.elements if attribute in attributes]


@pytest.fixture(scope="module")
def html(make_report: MakeReport) -> str:
    return render_report(make_report())


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_equal_data_give_equal_bytes(html: str, make_report: MakeReport) -> None:
    assert render_report(make_report()) == html


def test_texts_from_files_are_text(make_report: MakeReport) -> None:
    html = render_report(make_report(HOSTILE))
    page = Page(html)
    tags = [tag for tag, _ in page.elements]
    assert "script" not in tags
    assert tags.count("img") == 1 + 4
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert "<script" not in html
    assert page.text.count(HOSTILE) >= 10


def test_the_compiled_network_is_shown(page: Page) -> None:
    for text in (
        "2: 1 hardware, 0 hybrid, 1 software",
        "12,345",
        "ll_aton 1.1.3-275",
        "416 B from 0x70400000",
    ):
        assert text in page.text
    assert "Waived:" in page.text
    assert "npuRAM5" in page.text
    assert "npuRAM6" not in page.text


def test_the_epoch_controller_is_shown(page: Page, make_report: MakeReport) -> None:
    assert "not used: the processor starts every epoch" in page.text
    data = make_report()
    blob = Blob(name="_ec_blob_network_1", epochs=(1,), size_bytes=24_064, ram_bytes=23_936)
    assert data.compiled is not None
    html = render_report(replace(data, compiled=replace(data.compiled, blobs=(blob,))))
    assert "runs 1 epoch in 1 blob of 23.5 KiB, with 23.4 KiB of copies in RAM" in Page(html).text


def test_the_page_needs_nothing_else(page: Page) -> None:
    addresses = [value for name in ADDRESSES for value in page.values(name)]
    assert addresses
    assert all(
        value.startswith(("data:image/png;base64,", "data:audio/flac;base64,", "#")) for value in addresses
    )
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & {
        tag for tag, _ in page.elements
    }
    policy = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"
    assert policy in page.values("content")


def test_styles_fetch_nothing(html: str) -> None:
    assert "@import" not in html
    assert all(target.startswith("#") for target in re.findall(r"url\(['\"]?([^)]*)", html))


def test_ids_are_unique_and_every_reference_leads_somewhere(page: Page, html: str) -> None:
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    fragments = {value[1:] for value in page.values("href") if value.startswith("#")}
    fragments |= set(re.findall(r"url\(#([^)]+)\)", html))
    fragments |= set(page.values("aria-labelledby"))
    assert fragments <= set(ids)


def test_the_page_can_be_read_without_seeing_it(page: Page) -> None:
    for tag, attributes in page.elements:
        assert tag != "img" or attributes["alt"]
        assert tag != "html" or attributes["lang"] == "en"
    tags = [tag for tag, _ in page.elements]
    assert tags.count("table") == tags.count("caption") > 0
    assert tags.count("h1") == tags.count("main") == 1
    assert all(scope in ("row", "col") for scope in page.values("scope"))
    assert len(page.values("scope")) == tags.count("th")


def test_values_appear(page: Page) -> None:
    for expected in (
        "Quantization gate: passed",
        "Emulated parity: failed",
        "On hardware: not run",
        "0.98",
        "at least 0.95",
        "520",
        "3.0e-07",
        "4.0 KiB",
        "does not fit",
        "FULLY_CONNECTED",
        "(background)",
        "4, 4,321",
        "1,111",
        "0, 0",
        "taken for background: ",
        "No licence is stated for 2 recordings, 1 of which is compiled into this release as test vectors",
        "The table of credits names files that are not recordings of this release: ",
        "https://example.org",
    ):
        assert expected in page.text


def test_drawings_take_their_colours_from_the_style_sheet(html: str) -> None:
    assert "#01020" not in html
    assert "var(--first)" in html.split("</style>", 1)[1]


def test_every_emulated_board_is_shown_by_name(make_report: MakeReport) -> None:
    data = make_report()
    (first,) = data.emulations
    alone = render_report(data)
    both = render_report(replace(data, emulations=(first, replace(first, board="other", core="Cortex-M33"))))
    assert "an emulated Cortex-M55 and an emulated Cortex-M33 over" in both
    for name in ("mps3_an547 (Cortex-M55)", "other (Cortex-M33)"):
        assert f"<h3>{name}</h3>" in both
        assert name not in alone


def test_sections_without_data_are_left_out() -> None:
    badge = Badge(statement="Quantization gate", state=BadgeState.NOT_RUN, detail="")
    page = Page(
        render_report(ReportData(title="t", version="1", variant="v", backend="portable", badges=(badge,)))
    )
    assert "section" not in [tag for tag, _ in page.elements]
    assert [value for value in page.values("href") if value.startswith("#")] == []


def test_what_was_repaired_is_counted(make_report: MakeReport) -> None:
    report = make_report()
    assert "repaired or cut" not in render_report(report)
    noted = replace(report.recordings[0], notes=(("cut off", 3), ("length <missing> in the header", 1)))
    html = render_report(replace(report, recordings=(noted,)))
    assert "repaired or cut" in html
    assert "3 × cut off; 1 × length &lt;missing&gt; in the header" in html
