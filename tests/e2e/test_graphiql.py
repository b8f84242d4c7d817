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


def becomes(page: Any, state: Callable[[], bool], expected: bool) -> bool:
    """Look for ten seconds; the page's own policy forbids the browser's driver to look by itself."""
    for _ in range(100):
        if state() == expected:
            return True
        page.wait_for_timeout(100)
    return False


def open_page(server: Served, page: Any) -> None:
    page.goto(f"{server.base}/graphql#token={server.token}")
    page.wait_for_selector("text=signed in as e2e")
    wait_for_editor(page)


def test_first_tab_shows_the_demo(server: Served, page: Any) -> None:
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    open_page(server, page)
    assert "token" not in page.url
    page.click(".graphiql-execute-button")
    page.wait_for_selector(".result-window >> text=web@")
    page.wait_for_timeout(500)
    foreign = [url for url in requests if not url.startswith((server.base, "data:", "blob:"))]
    assert foreign == []
    assert complaints == []
    page.reload()
    page.wait_for_selector("text=signed in as e2e")  # kept for the tab
    assert page.input_value("#token") == server.token


STORE = "localStorage.getItem('graphiql:tabState')"
STATES = {
    "one visit": "null",
    "an empty store": "localStorage.clear()",
    "a broken store": "localStorage.setItem('graphiql:tabState', '{]')",
    "a store of another form": "localStorage.setItem('graphiql:tabState', '{\"tabs\": []}')",
}


@pytest.mark.parametrize("change", STATES.values(), ids=STATES)
def test_first_tab_runs_after_a_reload(server: Served, page: Any, change: str) -> None:
    """Straight after the first visit: a tab that was changed is stored with its variables."""
    open_page(server, page)
    assert becomes(page, lambda: page.evaluate(STORE) is not None, True)
    page.evaluate(change)
    page.reload()
    page.wait_for_selector("text=signed in as e2e")
    wait_for_editor(page)
    page.wait_for_selector(".graphiql-editor-tool >> text=acme")
    page.wait_for_timeout(500)
    page.click(".graphiql-execute-button")
    page.wait_for_selector(".result-window >> text=web@")


def test_active_tab_runs_after_a_reload_with_a_new_token(server: Served, page: Any) -> None:
    open_page(server, page)
    page.locator(".graphiql-tab-button").nth(1).click()
    page.wait_for_selector(".graphiql-query-editor >> text=versionInfo")
    page.wait_for_timeout(800)
    page.fill("#token", "")
    page.goto("about:blank")
    page.goto(f"{server.base}/graphql#token={server.token}")
    page.wait_for_selector("text=signed in as e2e")
    page.wait_for_selector(".graphiql-query-editor >> text=versionInfo")
    page.wait_for_selector(".graphiql-editor-tool >> text=77")
    assert page.locator(".graphiql-tab-button").count() == 4
    page.wait_for_timeout(500)
    page.click(".graphiql-execute-button")
    page.wait_for_selector(".result-window >> text=web@1.4.0+77")


def test_answer_can_be_reached_on_a_narrow_screen(server: Served, page: Any) -> None:
    page.set_viewport_size({"width": 375, "height": 800})
    open_page(server, page)
    page.click(".graphiql-execute-button")
    page.wait_for_selector(".result-window >> text=web@")
    page.locator(".result-window").scroll_into_view_if_needed()
    assert page.locator(".result-window").bounding_box()["width"] > 200


def test_start_page_leads_to_what_there_is(server: Served, page: Any) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(f"{server.base}/")
    assert "Store: ok" in page.inner_text("main")
    addresses = page.eval_on_selector_all("a", "links => links.map(link => link.href)")
    assert [page.goto(address).status for address in addresses] == [200] * 3
    assert complaints == []


def test_every_tab_runs(server: Served, page: Any) -> None:
    open_page(server, page)
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


def test_missing_and_wrong_tokens_are_explained(server: Served, page: Any) -> None:
    page.goto(f"{server.base}/graphql")
    page.wait_for_selector(".notice >> text=The request has no token")
    assert "gql-releases token create" in page.inner_text(".notice")
    wait_for_editor(page)
    page.click(".graphiql-execute-button")
    page.wait_for_selector(".result-window >> text=UNAUTHENTICATED")
    page.fill("#token", "wrong")
    page.wait_for_selector(".notice >> text=The token is wrong, revoked or expired")
    page.wait_for_selector(".status >> text=Invalid token")
    page.fill("#token", server.token)
    page.wait_for_selector("text=signed in as e2e")
    page.wait_for_selector(".notice", state="detached")


def test_example_of_a_mutation_shows_its_user_errors(server: Served, page: Any) -> None:
    open_page(server, page)
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


def test_explorer_adds_a_field_and_headers_can_be_edited(server: Served, page: Any) -> None:
    open_page(server, page)
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
    assert sent.value.headers["authorization"] == f"Bearer {server.token}"
    page.click("button[aria-label='Show Documentation Explorer']")
    page.wait_for_selector(".graphiql-doc-explorer >> text=Mutation")


def test_page_and_editors_follow_the_system_from_light_to_dark(server: Served, page: Any) -> None:
    open_page(server, page)

    def dark_letters() -> bool:
        result = "getComputedStyle(document.querySelector('.graphiql-query-editor .view-line span span')).color"
        color: str = page.evaluate(result)
        return sum(map(int, color.removeprefix("rgb(").removesuffix(")").split(","))) < 250

    assert becomes(page, dark_letters, True)
    page.emulate_media(color_scheme="dark")
    assert becomes(page, dark_letters, False)
    page.click("button[aria-label='Open settings dialog']")
    page.click("button >> text='Light'")
    assert becomes(page, dark_letters, True)
