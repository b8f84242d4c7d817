"""GraphiQL in a headless browser that can reach nothing but this server."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.conftest import Served

pytestmark = pytest.mark.e2e


def shown(page: Any) -> str:
    """Give the answer that the page shows; its editor writes spaces that do not break, and breaks long lines."""
    text: str = page.inner_text(".result-window")
    return text.replace("\xa0", " ").replace("\n", "")


def wait_for_editor(page: Any) -> None:
    """Wait for the first tab's text: before it is there a click on run does nothing, one on a tab leaves another's text in it."""
    page.wait_for_selector(".graphiql-query-editor >> text=totalCount")


def becomes(page: Any, state: Callable[[], bool], wanted: bool) -> bool:
    """Look for ten seconds; the page's own policy forbids the browser's driver to look by itself."""
    for _ in range(100):
        if state() == wanted:
            return True
        page.wait_for_timeout(100)
    return False


def open_page(served: Served, page: Any) -> None:
    page.goto(f"{served.base}/graphql#token={served.token}")
    page.wait_for_selector("text=signed in as e2e")
    wait_for_editor(page)


def test_first_tab_shows_the_demo(served: Served, page: Any) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    open_page(served, page)
    assert "token" not in page.url
    page.click(".graphiql-execute-button")
    page.wait_for_selector(".result-window >> text=web@")
    page.wait_for_timeout(500)
    foreign = [url for url in asked if not url.startswith((served.base, "data:", "blob:"))]
    assert foreign == []
    assert complaints == []
    page.reload()
    page.wait_for_selector("text=signed in as e2e")  # kept for the tab
    assert page.input_value("#token") == served.token


def test_every_tab_runs(served: Served, page: Any) -> None:
    open_page(served, page)
    tabs = page.locator(".graphiql-tab-button")
    assert tabs.count() == 4
    for index, expected in enumerate(("totalCount", "versionInfo", "expiresAt", "outcome")):
        tabs.nth(index).click()
        page.wait_for_selector(f".graphiql-query-editor >> text={expected}")
        page.wait_for_timeout(500)  # GraphiQL looks for the operation's name a tenth of a second after the text has changed
        page.click(".graphiql-execute-button")
        page.wait_for_selector(f".result-window >> text={expected}")
        assert '"data"' in shown(page)
        assert '"errors"' not in shown(page)


def test_missing_and_wrong_tokens_are_explained(served: Served, page: Any) -> None:
    page.goto(f"{served.base}/graphql")
    page.wait_for_selector(".notice >> text=No token came with this request")
    assert "gql-releases token create" in page.inner_text(".notice")
    wait_for_editor(page)
    page.click(".graphiql-execute-button")
    page.wait_for_selector(".result-window >> text=UNAUTHENTICATED")
    page.fill("#token", "wrong")
    page.wait_for_selector(".notice >> text=The server does not know this token")
    page.wait_for_selector(".status >> text=Invalid token")
    page.fill("#token", served.token)
    page.wait_for_selector("text=signed in as e2e")
    page.wait_for_selector(".notice", state="detached")


def test_example_of_a_mutation_shows_its_user_errors(served: Served, page: Any) -> None:
    open_page(served, page)
    page.click("button[aria-label='Show Examples']")
    page.click(".examples >> text='updateProject'")
    page.wait_for_selector(".graphiql-tab >> text=UpdateProject")
    page.click(".graphiql-execute-button")
    page.wait_for_selector(".result-window >> text=PROJECT_NOT_FOUND")
    answer = json.loads(shown(page))["data"]["updateProject"]
    assert (answer["project"], [error["code"] for error in answer["userErrors"]]) == (None, ["PROJECT_NOT_FOUND"])
    page.click("button[aria-label='Show History']")
    page.wait_for_selector(".graphiql-history-items >> text=UpdateProject")
    assert "UpdateProject" in page.inner_text(".graphiql-history-items")


def test_explorer_adds_a_field_and_headers_can_be_edited(served: Served, page: Any) -> None:
    open_page(served, page)
    page.locator(".graphiql-tab-button").nth(2).click()
    page.wait_for_selector(".graphiql-query-editor >> text=expiresAt")
    page.click("button[aria-label='Show GraphiQL Explorer']")
    page.click(".graphiql-explorer-root >> text='hint'")
    page.wait_for_selector(".graphiql-query-editor >> text=hint")
    page.click(".graphiql-execute-button")
    page.wait_for_selector(".result-window >> text=hint")
    page.click("button >> text='Headers'")
    page.click(".graphiql-editor-tool .monaco-editor:visible")
    page.keyboard.insert_text('{"x-from-the-page": "17"}')
    with page.expect_request(lambda request: "x-from-the-page" in request.headers) as sent:
        page.click(".graphiql-execute-button")
    assert sent.value.headers["x-from-the-page"] == "17"
    assert sent.value.headers["authorization"] == f"Bearer {served.token}"
    page.click("button[aria-label='Show Documentation Explorer']")
    page.wait_for_selector(".graphiql-doc-explorer >> text=Mutation")


def test_page_and_editors_follow_the_system_from_light_to_dark(served: Served, page: Any) -> None:
    open_page(served, page)

    def dark_letters() -> bool:
        found = "getComputedStyle(document.querySelector('.graphiql-query-editor .view-line span span')).color"
        color: str = page.evaluate(found)
        return sum(map(int, color.removeprefix("rgb(").removesuffix(")").split(","))) < 250

    assert becomes(page, dark_letters, True)
    page.emulate_media(color_scheme="dark")
    assert becomes(page, dark_letters, False)
    page.click("button[aria-label='Open settings dialog']")
    page.click("button >> text='Light'")
    assert becomes(page, dark_letters, True)
