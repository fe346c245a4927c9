"""A page as a reader gets it: findings, differences, graphs with an added input, source, code."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from steadygraph.model import CaseReport, SourceExcerpt
from steadygraph.model.run import RunReport
from steadygraph.report.html import render

from .graphs import case_of, decoder

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ENVIRONMENT = {"python": "3.11.7", "torch": "2.13.0", "device": "cpu"}
SOURCE = SourceExcerpt(
    "examples/model.py",
    38,
    (
        "    def forward(self, h):",
        "        h = self.embed(h)",
        "",
        "        if deepstack is not None:",
        "            h = h + 1",
    ),
)


@pytest.fixture
def pictured(broken: CaseReport) -> CaseReport:
    """The broken case, with the graphs of its calls and the lines around its finding."""
    graphs = case_of([decoder(12, "a")], [decoder(12, "b", added=3)])
    image = replace(broken.scenarios[2], calls=graphs.scenarios[1].calls)
    scenarios = (graphs.scenarios[0], broken.scenarios[1], image, broken.scenarios[3])
    return replace(broken, scenarios=scenarios, graphs=graphs.graphs, sources=(SOURCE,))


@pytest.fixture
def report(pictured: CaseReport, repaired: CaseReport, failed: CaseReport) -> RunReport:
    return RunReport((pictured, repaired, failed), ENVIRONMENT, "0.1.0")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser of this machine; `make browser` installs one where there is none."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert program is not None, f"none of {', '.join(BROWSERS)} is installed: run `make browser`"
    with sync_playwright() as playwright:
        # A container has neither the rights for a sandbox nor the shared memory that Chromium asks for.
        running = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield running
        running.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """``opened(report, width=360, ...)`` is the page of a report, offline; what goes wrong in it fails the test.

    Further keywords are those of playwright's ``new_context``.
    """
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def open_page(report: RunReport, width: int = 1280, **options: Any) -> Page:
        file = tmp_path / "report.html"
        file.write_text(render(report), encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": 900}, offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: None if request.url == file.as_uri() else wrong.append(request.url))
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.goto(file.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == [], "requests, messages in the console, errors or dialogs"
