"""The documentation names every field of every REST object, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.client import Client
from tests.factories import commit, release

LIST = "organizations/acme/releases/"
ONE = LIST + "web@1.0.0%2B1/"
DOCUMENT = Path(__file__).parents[2] / "docs" / "sentry-compatibility.md"


def test_fields_are_those_that_the_documentation_names(client: Client) -> None:
    """Each object of docs/sentry-contract.md#4-shapes."""
    client.rest("POST", LIST, release(commits=[commit()]))
    client.rest("POST", ONE + "deploys/", {"environment": "production"})

    def get(path: str) -> Any:
        found = client.rest("GET", path).json
        return found[0] if isinstance(found, list) else found

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
    assert documented == {name: set(found) for name, found in answered.items()}
    assert set(shown["lastCommit"]) == set(answered["commit"])
    assert set(shown["lastDeploy"]) == set(answered["deploy"])
    assert set(get(LIST)) == set(shown)
