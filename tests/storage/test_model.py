"""A state machine over the store, against a dict: what people do in any order, and what lists then show."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.conftest import Harness, Template
from tests.factories import commit
from tests.scale import SOAK, scale

LIST = "organizations/acme/releases/"
versions = st.sampled_from(["web@1", "web@2", "api@1", "1.0 (7)"])
projects = st.lists(st.sampled_from(["web", "api"]), min_size=1, max_size=2, unique=True)
commits = st.lists(st.integers(0, 5), max_size=4, unique=True)


def path_of(version: str) -> str:
    return f"{LIST}{version.replace(' ', '%20')}/"


class Releases(RuleBasedStateMachine):
    """Each rule does to the store what it does to a dict of version -> what must be shown."""

    template: ClassVar[Template]
    did: ClassVar[Counter[str]] = Counter()
    """What came of the rules, in all runs."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.harness = Harness(self.template, self.folder)
        self.model: dict[str, dict[str, Any]] = {}

    def teardown(self) -> None:
        self.harness.close()
        shutil.rmtree(self.folder)

    @rule(version=versions, named=projects, numbers=commits, dated=st.booleans(), archived=st.booleans())
    def create(self, version: str, named: list[str], numbers: list[int], dated: bool, archived: bool) -> None:
        body: dict[str, Any] = {"version": version, "projects": named, "commits": [commit(n) for n in numbers]}
        body |= {"dateReleased": "2026-01-01T00:00:00Z"} if dated else {}
        body |= {"status": "archived"} if archived else {}
        new = version not in self.model
        known = self.model.setdefault(version, {"projects": set(), "commits": [], "date": dated, "status": "open"})
        extended = bool(set(named) - known["projects"])
        known["projects"] |= set(named)
        known["commits"] = sorted(numbers) or known["commits"]
        known["status"] = "archived" if archived else known["status"]
        self.did["created" if new else "extended" if extended else "repeated"] += 1
        assert self.harness.client.rest("POST", LIST, body).status == (201 if new or extended else 208)

    @precondition(lambda self: self.model)
    @rule(pick=st.integers(0, 3), undo=st.booleans())
    def update(self, pick: int, undo: bool) -> None:
        version = self.known(pick)
        body = {"status": "open"} if undo else {"dateReleased": "2026-02-02T00:00:00Z", "refs": []}
        assert self.harness.client.rest("PUT", path_of(version), body).status == 200
        self.model[version] |= {"status": "open"} if undo else {"date": True, "commits": []}
        self.did["reopened" if undo else "cleared"] += 1

    @precondition(lambda self: self.model)
    @rule(pick=st.integers(0, 3))
    def delete(self, pick: int) -> None:
        version = self.known(pick)
        assert self.harness.client.rest("DELETE", path_of(version)).status == 204
        del self.model[version]
        self.did["deleted"] += 1

    @rule(version=versions)
    def miss(self, version: str) -> None:
        if version not in self.model:
            assert self.harness.client.rest("PUT", path_of(version), {}).status == 404
            assert self.harness.client.rest("DELETE", path_of(version)).status == 404
            self.did["missed"] += 1

    def known(self, pick: int) -> str:
        """Pick a version that is there."""
        return sorted(self.model)[pick % len(self.model)]

    @invariant()
    def lists_show_the_model(self) -> None:
        self.did[f"looked at {len(self.model)}"] += 1
        document = """{organization(slug: "acme") {releases(first: 100) {totalCount nodes {version status dateReleased commitCount
          projects {totalCount nodes {slug}} commits(first: 100) {nodes {sha}} lastCommit {sha}}}
          projects {nodes {slug releases {totalCount}}}}}"""
        shown = self.harness.client.graphql(document)["data"]["organization"]
        found = {
            one["version"]: {
                "projects": {project["slug"] for project in one["projects"]["nodes"]},
                "commits": [int(each["sha"], 16) for each in one["commits"]["nodes"]],
                "date": one["dateReleased"] is not None,
                "status": one["status"].lower(),
            }
            for one in shown["releases"]["nodes"]
        }
        assert found == self.model
        assert shown["releases"]["totalCount"] == len(self.model)
        for one in shown["releases"]["nodes"]:
            assert one["commitCount"] == len(one["commits"]["nodes"])
            assert one["lastCommit"] == (one["commits"]["nodes"] or [None])[0]
        for project in shown["projects"]["nodes"]:
            number = sum(project["slug"] in one["projects"] for one in self.model.values())
            assert project["releases"]["totalCount"] == number


def test_store_behaves_as_a_dict(template: Template) -> None:
    """Each rule is drawn, with each of its ends; the lists are looked at with nothing and with several releases in them."""
    Releases.template = template
    Releases.did.clear()
    machine: Any = Releases.TestCase
    machine.settings = settings(
        max_examples=scale(25, 40),
        derandomize=not SOAK,
        stateful_step_count=20,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    machine().runTest()
    done = Releases.did
    ends = ("created", "extended", "repeated", "reopened", "cleared", "deleted", "missed", "looked at 0", "looked at 2")
    assert [end for end in ends if not done[end]] == []
