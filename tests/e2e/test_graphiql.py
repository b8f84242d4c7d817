"""GraphiQL in a headless browser that can reach nothing but this server."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Served

pytestmark = pytest.mark.e2e

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]  # fmt: skip


@pytest.fixture
def page(tmp_path: Path) -> Any:
    playwright = pytest.importorskip("playwright.sync_api", reason="NOT TESTED: playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("NOT TESTED: there is no Chromium on this machine")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser.new_page(viewport={"width": 1400, "height": 900})
        browser.close()


def test_first_tab_shows_the_demo(served: Served, page: Any, tmp_path: Path) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{served.base}/graphql#token={served.token}")
    page.wait_for_selector(".graphiql-execute-button")
    assert "token" not in page.url
    page.wait_for_selector("text=signed in as e2e")
    page.click(".graphiql-execute-button")
    page.wait_for_selector(".result-window >> text=web@")
    page.wait_for_timeout(500)
    page.screenshot(path=str(tmp_path / "graphiql.png"))
    foreign = [url for url in asked if not url.startswith((served.base, "data:", "blob:"))]
    assert foreign == []
    assert complaints == []
    page.reload()
    page.wait_for_selector("text=signed in as e2e")  # kept for the tab
    page.fill("#token", "wrong")
    page.wait_for_selector("text=Invalid token")
    print(tmp_path / "graphiql.png")


def test_every_tab_runs(served: Served, page: Any) -> None:
    page.goto(f"{served.base}/graphql#token={served.token}")
    page.wait_for_selector("text=signed in as e2e")
    tabs = page.locator(".graphiql-tab-button")
    assert tabs.count() == 4
    for index, expected in enumerate(("totalCount", "versionInfo", "expiresAt", "outcome")):
        tabs.nth(index).click()
        page.wait_for_timeout(300)
        page.click(".graphiql-execute-button")
        page.wait_for_selector(f".result-window >> text={expected}")
        assert page.locator(".result-window >> text='\"errors\"'").count() == 0
