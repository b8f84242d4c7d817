"""The addresses that a browser, a crawler or our documentation asks for: none is a 404."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from gql_releases.web.health import Probes
from tests.client import Answer
from tests.conftest import Harness, Template


def get(harness: Harness, address: str, headers: dict[str, str] | None = None) -> Answer:
    return harness.client.request("GET", address, token=None, headers=headers)


DOCS = Path(__file__).parents[2] / "docs"


def test_start_page_is_html_for_browsers_and_json_for_programs(harness: Harness) -> None:
    page = get(harness, "/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.status == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert version("gql-releases") in page.body.decode()
    assert "Store: ok" in page.body.decode()
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for address in re.findall(r'href="([^"]+)"', page.body.decode()):
        assert get(harness, address, headers={"Accept": "text/html"}).status in (200, 503), address
    answer = get(harness, "/", headers={"Accept": "application/json"})
    assert answer.json == {
        "name": "gql_releases", "version": version("gql-releases"), "store": "ok",
        "graphiql": "/graphql", "schema": "/schema.graphql", "documentation": "/docs/",
    }  # fmt: skip


def test_start_page_says_why_the_store_does_not_answer(
    template: Template, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def find_obstacles(*_: Any) -> list[str]:
        return ["The store is <gone>."]

    monkeypatch.setattr(Probes, "check", find_obstacles)
    harness = Harness(template, tmp_path)
    page = get(harness, "/", headers={"Accept": "text/html"})
    assert page.status == 200
    assert "Store: The store is &lt;gone&gt;." in page.body.decode()
    assert get(harness, "/", headers={"Accept": "application/json"}).json["store"] == "The store is <gone>."
    harness.close()


@pytest.mark.parametrize(
    ("address", "status", "content_type"),
    [
        ("/favicon.ico", 200, "image/svg+xml"),
        ("/robots.txt", 200, "text/plain; charset=utf-8"),
        ("/docs/", 200, "text/html; charset=utf-8"),
        ("/docs/ci.md", 200, "text/plain; charset=utf-8"),
        ("/docs", 307, "text/plain; charset=utf-8"),
        ("/graphiql", 307, "text/plain; charset=utf-8"),
        ("/graphiql/", 307, "text/plain; charset=utf-8"),
        ("/docs/../settings.py", 404, "text/plain; charset=utf-8"),
        ("/docs/nothing.md", 404, "text/plain; charset=utf-8"),
    ],
)
def test_every_address_that_is_asked_for_answers(harness: Harness, address: str, status: int, content_type: str) -> None:
    answer = get(harness, address)
    assert (answer.status, answer.headers["content-type"]) == (status, content_type)
    if status == 307:
        assert answer.headers["location"] in ("/docs/", "/graphql")


def test_every_document_is_served(harness: Harness) -> None:
    names = [file.relative_to(DOCS).as_posix() for file in DOCS.rglob("*.md")]
    assert len(names) > 15
    listed = get(harness, "/docs/").body.decode()
    for name in names:
        assert f'href="/docs/{name}"' in listed
        assert get(harness, f"/docs/{name}").body.decode() == (DOCS / name).read_text()
