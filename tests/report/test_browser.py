"""The report in a real browser: from a file, wide and narrow, light and dark, by keyboard, on paper."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from twins import report, wide

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDE, NARROW = (1280, 900), (390, 844)

if CHROMIUM is None and not os.environ.get("CI"):
    pytest.skip("there is no Chromium here", allow_module_level=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    [written] = report(shuffle=True).write(tmp_path_factory.mktemp("report") / "report.html")
    return written


def opened(
    browser: Browser, path: Path, size: tuple[int, int], scheme: str = "light"
) -> tuple[Page, list[str]]:
    """The page, and what the browser complains of or loads."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("dialog", lambda dialog: heard.append(dialog.message))
    page.on("request", lambda request: heard.append(request.url) if request.url != path.as_uri() else None)
    page.goto(path.as_uri())
    return page, heard


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1280", "390"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_from_a_file_without_errors_and_fits(
    browser: Browser, path: Path, tmp_path: Path, size: tuple[int, int], scheme: str
) -> None:
    page, heard = opened(browser, path, size, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    picture = page.screenshot(path=tmp_path / "report.png", full_page=True)

    assert heard == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert len(picture) > 20_000
    page.close()


def test_a_name_that_is_a_script_is_text(browser: Browser, path: Path) -> None:
    page, heard = opened(browser, path, WIDE)

    assert page.get_by_text("<script>alert('column')</script>", exact=True).first.is_visible()
    assert heard == []
    page.close()


def test_dark_is_dark(browser: Browser, path: Path) -> None:
    colours = []
    for scheme in ("light", "dark"):
        page, _ = opened(browser, path, WIDE, scheme)
        colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.close()

    assert colours == ["rgb(251, 251, 249)", "rgb(21, 23, 27)"]


def test_the_keyboard_reaches_and_opens_everything(browser: Browser, path: Path) -> None:
    page, _ = opened(browser, path, WIDE)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.focus("details:not([open]) > summary")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.parentElement.open") is True
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.close()


def test_paper_shows_what_is_folded(browser: Browser, path: Path) -> None:
    page, _ = opened(browser, path, WIDE)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = false)")
    page.emulate_media(media="print")

    assert page.locator("svg.chart").first.is_visible()
    assert not page.locator("nav").is_visible()
    page.close()


def test_300_columns_fit_on_a_phone(browser: Browser, tmp_path: Path) -> None:
    [path] = wide(300).write(tmp_path / "wide.html")
    page, heard = opened(browser, path, NARROW)

    assert heard == []
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
    assert page.locator("details", has_text="measure_299").first.is_visible()
    page.close()
