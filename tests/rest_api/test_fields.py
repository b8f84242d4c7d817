"""The documentation names every field of every REST object, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.client import Client
from tests.factories import commit, release

RELEASES_PATH = "organizations/acme/releases/"
ONE = RELEASES_PATH + "web@1.0.0%2B1/"
DOCUMENT = Path(__file__).parents[2] / "docs" / "sentry-compatibility.md"


def test_fields_are_those_that_the_documentation_names(client: Client) -> None:
    """Each object of docs/sentry-contract.md#4-shapes."""
    client.rest("POST", RELEASES_PATH, release(commits=[commit()]))
    client.rest("POST", ONE + "deploys/", {"environment": "production"})

    def get(path: str) -> Any:
        body = client.rest("GET", path).json
        return body[0] if isinstance(body, list) else body

    shown = get(ONE)
    answered = {
        "release": shown,
        "project of a release": shown["projects"][0],
        "commit": get(ONE + "commits/"),
        "author": shown["authors"][0],
        "repository": get("organizations/acme/repos/"),
        "deploy": get(ONE + "deploys/"),
        "commit file": get(ONE + "commitfiles/"),
        "meta": get(ONE + "meta/"),
        "organization": get("organizations/"),
        "project": get("projects/acme/web/"),
        "environment": get("organizations/acme/environments/"),
    }
    table = DOCUMENT.read_text().partition("## Fields")[2].partition("\n## ")[0]
    documented: dict[str, set[str]] = {}
    for name, fields in re.findall(r"^\| ([a-z ]+) \| (`.+?`) \| .+ \|$", table, re.MULTILINE):
        documented.setdefault(name, set()).update(re.findall(r"`(\w+)`", fields))
    assert documented == {name: set(body) for name, body in answered.items()}, DOCUMENT.name
    assert set(shown["lastCommit"]) == set(answered["commit"])
    assert set(shown["lastDeploy"]) == set(answered["deploy"])
    assert set(get(RELEASES_PATH)) == set(shown)
