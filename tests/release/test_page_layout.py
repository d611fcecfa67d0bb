"""Pages fit narrow and wide screens and their text can be read, as a browser measures it where there is one.

The browser is asked over pipes, in its own protocol, so that a test needs nothing but the program.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument
from birdnet_stm32.release import evaluation_page
from birdnet_stm32.release.mistake_clips import PcmOf
from birdnet_stm32.release.mistake_files import PAGE, cut_mistakes
from birdnet_stm32.release.report import render_report
from birdnet_stm32.release.report_data import ReportData

SMALLEST_PX = 11.0
PAGES = ("report", "accuracy", "mistakes")
WIDTHS = (360, 1024, 1600)
STYLES = sorted(Path(evaluation_page.__file__).with_name("templates").iterdir())
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--remote-debugging-pipe"),
)
MEASURE = """
(() => {
  document.querySelectorAll("details").forEach(one => one.open = true);
  const seen = one => one.checkVisibility() && !one.closest(".hidden");
  const fits = one => one.getBoundingClientRect().right <= innerWidth + 0.5;
  const all = [...document.body.querySelectorAll("*")].filter(seen);
  const texts = [...document.body.querySelectorAll("*")].filter(one => seen(one) &&
    [...one.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.textContent.trim()));
  const drawn = one => {
    const scale = one.ownerSVGElement ? Math.hypot(one.getScreenCTM().a, one.getScreenCTM().b) : 1;
    return parseFloat(getComputedStyle(one).fontSize) * scale;
  };
  const name = one => `${one.tagName}.${one.getAttribute("class")} ${one.textContent.trim().slice(0, 40)}`;
  const bar = document.querySelector(".nav");
  const stays = bar && getComputedStyle(bar).position === "sticky";
  const hides = () => stays ? bar.getBoundingClientRect().bottom : 0;
  const under = [...document.querySelectorAll(".nav a")].filter(link => {
    link.click();
    return document.querySelector(link.getAttribute("href") + " h2").getBoundingClientRect().top < hides();
  });
  scrollTo(0, 0);
  return {
    page: document.documentElement.scrollWidth - innerWidth,
    scrolls: all.filter(one => one.scrollWidth > one.clientWidth + 1 &&
      ["auto", "scroll"].includes(getComputedStyle(one).overflowX)).map(name),
    beyond: all.filter(one => !fits(one)).map(name),
    small: texts.filter(one => drawn(one) < SMALLEST).map(one => drawn(one).toFixed(1) + " " + name(one)),
    links: [...document.querySelectorAll(".nav a")].filter(link => !fits(link)).map(name),
    under: under.map(name),
  };
})()
""".replace("SMALLEST", str(SMALLEST_PX))


class Browser:
    """A browser without a window."""

    def __init__(self, program: str, profile: Path) -> None:
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        # It reads from 3 and writes to 4, which may be in use here: the shell puts them there.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in (to_read, to_write)]
        arguments = [program, *OPTIONS, f"--user-data-dir={profile}"]
        self._process = subprocess.Popen(
            ["bash", "-c", 'exec "$@" 3<&{} 4>&{}'.format(*ends), "bash", *arguments],
            pass_fds=ends,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (to_read, to_write, *ends):
            os.close(end)
        self._number, self._rest = 0, b""
        target = self._ask("Target.createTarget", {"url": "about:blank"})["targetId"]
        flat = {"targetId": target, "flatten": True}
        self._session = self._ask("Target.attachToTarget", flat)["sessionId"]
        self._ask("Page.enable", {}, page=True)

    def close(self) -> None:
        os.close(self._to)
        self._process.kill()
        self._process.wait()
        os.close(self._from)

    def measure(self, path: Path, width: int) -> dict[str, Any]:
        """Return what does not fit on a screen of ``width`` pixels, and which text is too small."""
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self._ask("Emulation.setDeviceMetricsOverride", size, page=True)
        self._ask("Page.navigate", {"url": path.as_uri()}, page=True)
        ready = "new Promise(done => document.readyState === 'complete' ? done(1) : onload = () => done(1))"
        self._evaluate(ready)
        measured: dict[str, Any] = self._evaluate(MEASURE)
        return measured

    def _evaluate(self, expression: str) -> Any:
        wanted = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        answer = self._ask("Runtime.evaluate", wanted, page=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"]["value"]

    def _ask(self, method: str, parameters: dict[str, Any], *, page: bool = False) -> dict[str, Any]:
        self._number += 1
        question = {"id": self._number, "method": method, "params": parameters}
        question |= {"sessionId": self._session} if page else {}
        os.write(self._to, json.dumps(question).encode() + b"\0")
        while True:
            while b"\0" not in self._rest:
                read = os.read(self._from, 1 << 20)
                assert read, "the browser ended"
                self._rest += read
            text, _, self._rest = self._rest.partition(b"\0")
            answer = json.loads(text)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium is installed")
    started = Browser(program, tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


@pytest.fixture(scope="module")
def pages(
    make_report: Callable[..., ReportData],
    make_accuracy: Callable[..., EvaluateDocument],
    read_pcm: PcmOf,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    labels = [f"Species {number}_A bird with a rather long name" for number in range(12)]
    measured = make_accuracy(*labels)
    shape = WindowShape(sample_rate_hz=24_000, window_samples=60_000, hop_samples=30_000)
    made = {
        "report": render_report(make_report()),
        "accuracy": evaluation_page.render_evaluation(measured, name="recordings of the year"),
        "mistakes": cut_mistakes(measured.mistakes, read_pcm, shape)[PAGE].decode(),
    }
    for name, html in made.items():
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in made}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_the_screen_and_can_be_read(
    name: str, width: int, browser: Browser, pages: dict[str, Path]
) -> None:
    found = browser.measure(pages[name], width)
    assert found["page"] <= 0, found["beyond"]
    assert found["small"] == []
    assert found["links"] == []
    assert found["under"] == []
    assert found["scrolls"] == []


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_no_style_asks_for_text_that_is_too_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    sizes = re.findall(r"font(?:-size)?:[^;}]*?([\d.]+)(px|rem|em)\b", text)
    root_px = 16.0
    assert [
        size for size, unit in sizes if float(size) * (1 if unit == "px" else root_px) < SMALLEST_PX
    ] == []


LEAST_CONTRAST = 4.5  # of text and what is behind it, in WCAG 2.2, criterion 1.4.3


def luminance(colour: str) -> float:
    shares = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in shares]
    return sum(weight * one for weight, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_of_text_stand_out_from_the_card(scheme: int) -> None:
    css = next(path for path in STYLES if path.suffix == ".css").read_text(encoding="utf-8")
    variables = dict(
        re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", re.findall(r":root \{(.*?)\}", css, re.S)[scheme])
    )
    card = luminance(variables["card"])
    for name in ("ink", "muted", "first", "second", "passed", "failed", "open", "hardware", "conditional"):
        lighter, darker = sorted((luminance(variables[name]), card), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= LEAST_CONTRAST, name


NARROWEST_PICTURE_PX = 286.0  # what is left of 360 beside a scroll bar, the margins and the card's padding


@pytest.mark.parametrize("name", ["report", "accuracy"])
def test_text_in_pictures_is_large_enough_on_the_narrowest_screen(name: str, pages: dict[str, Path]) -> None:
    pictures = re.findall(r"<svg.*?</svg>", pages[name].read_text(encoding="utf-8"), re.DOTALL)
    assert pictures
    for picture in pictures:
        width = float(re.search(r'viewBox="0 0 ([\d.]+)', picture)[1])  # type: ignore[index]
        sizes = {float(size) for size in re.findall(r"font(?:-size)?: ?([\d.]+)px", picture)}
        assert sizes
        assert min(sizes) * NARROWEST_PICTURE_PX / width >= SMALLEST_PX
