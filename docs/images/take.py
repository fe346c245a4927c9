"""The screenshots of the documentation, taken of the examples.  From the root of the checkout:

python docs/images/take.py
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

import steadygraph

FOLDER = Path(__file__).parent
EXAMPLES = ("examples/deepstack/v1_broken.py", "examples/deepstack/v3_repaired.py", "examples/qwen3_vl_text.py")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH = 1100


def main() -> None:
    """Analyse the examples and photograph their page."""
    cases = tuple(case for example in EXAMPLES for case in steadygraph.analyze(example).cases)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        steadygraph.Report(cases).write(folder)
        program = next(filter(None, map(shutil.which, BROWSERS)), None)
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for scheme, take in (("light", overview), ("light", finding), ("light", graphs), ("dark", phone)):
            page = browser.new_page(viewport={"width": WIDTH, "height": 1000}, color_scheme=scheme)
            page.goto((Path(folder) / "report.html").as_uri())
            take(page, FOLDER / f"html-{take.__name__}.png")
            page.close()
        browser.close()


def overview(page: Page, file: Path) -> None:
    """What every scenario does under every policy."""
    bottom = page.locator(".legend").bounding_box()
    assert bottom is not None
    page.screenshot(path=file, clip={"x": 0, "y": 0, "width": WIDTH, "height": bottom["y"] + 8})


def finding(page: Page, file: Path) -> None:
    """The first finding."""
    page.locator("article").first.screenshot(path=file)


def graphs(page: Page, file: Path) -> None:
    """The first input that only serving has."""
    page.set_viewport_size({"width": WIDTH, "height": 760})
    for _ in range(2):
        page.locator("details.graphs").first.get_by_role("button", name="Next").click()
    page.locator("details.graphs").first.screenshot(path=file)


def phone(page: Page, file: Path) -> None:
    """The first screen of a phone."""
    page.set_viewport_size({"width": 390, "height": 760})
    page.screenshot(path=file)


if __name__ == "__main__":
    main()
