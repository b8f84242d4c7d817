"""A state machine compares the store with a dict: writes in any order, and the lists after each."""

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

RELEASES_PATH = "organizations/acme/releases/"
VERSIONS = st.sampled_from(["web@1", "web@2", "api@1", "1.0 (7)"])
PROJECTS = st.lists(st.sampled_from(["web", "api"]), min_size=1, max_size=2, unique=True)
COMMITS = st.lists(st.integers(0, 5), max_size=4, unique=True)


def build_path(version: str) -> str:
    return f"{RELEASES_PATH}{version.replace(' ', '%20')}/"


class Releases(RuleBasedStateMachine):
    """Each rule changes the store and a dict of version -> expected fields alike."""

    template: ClassVar[Template]
    did: ClassVar[Counter[str]] = Counter()
    """The number of times that each outcome occurred, in all runs."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.harness = Harness(self.template, self.folder)
        self.model: dict[str, dict[str, Any]] = {}

    def teardown(self) -> None:
        self.harness.close()
        shutil.rmtree(self.folder)

    @rule(version=VERSIONS, slugs=PROJECTS, numbers=COMMITS, dated=st.booleans(), archived=st.booleans())
    def create(self, version: str, slugs: list[str], numbers: list[int], dated: bool, archived: bool) -> None:
        body: dict[str, Any] = {"version": version, "projects": slugs, "commits": [commit(n) for n in numbers]}
        body |= {"dateReleased": "2026-01-01T00:00:00Z"} if dated else {}
        body |= {"status": "archived"} if archived else {}
        new = version not in self.model
        expected = self.model.setdefault(version, {"projects": set(), "commits": [], "date": dated, "status": "open"})
        extended = bool(set(slugs) - expected["projects"])
        expected["projects"] |= set(slugs)
        expected["commits"] = sorted(numbers) or expected["commits"]
        expected["status"] = "archived" if archived else expected["status"]
        self.did["created" if new else "extended" if extended else "repeated"] += 1
        assert self.harness.client.rest("POST", RELEASES_PATH, body).status == (201 if new or extended else 208)

    @precondition(lambda self: self.model)
    @rule(pick=st.integers(0, 3), undo=st.booleans())
    def update(self, pick: int, undo: bool) -> None:
        version = self.pick_version(pick)
        body = {"status": "open"} if undo else {"dateReleased": "2026-02-02T00:00:00Z", "refs": []}
        assert self.harness.client.rest("PUT", build_path(version), body).status == 200
        self.model[version] |= {"status": "open"} if undo else {"date": True, "commits": []}
        self.did["reopened" if undo else "cleared"] += 1

    @precondition(lambda self: self.model)
    @rule(pick=st.integers(0, 3))
    def delete(self, pick: int) -> None:
        version = self.pick_version(pick)
        assert self.harness.client.rest("DELETE", build_path(version)).status == 204
        del self.model[version]
        self.did["deleted"] += 1

    @rule(version=VERSIONS)
    def miss(self, version: str) -> None:
        if version not in self.model:
            assert self.harness.client.rest("PUT", build_path(version), {}).status == 404
            assert self.harness.client.rest("DELETE", build_path(version)).status == 404
            self.did["missed"] += 1

    def pick_version(self, pick: int) -> str:
        """Return an existing version."""
        return sorted(self.model)[pick % len(self.model)]

    @invariant()
    def lists_show_the_model(self) -> None:
        self.did[f"looked at {len(self.model)}"] += 1
        document = """{organization(slug: "acme") {releases(first: 100) {totalCount nodes {version status dateReleased commitCount
          projects {totalCount nodes {slug}} commits(first: 100) {nodes {sha}} lastCommit {sha}}}
          projects {nodes {slug releases {totalCount}}}}}"""
        organization = self.harness.client.graphql(document)["data"]["organization"]
        releases = {
            release["version"]: {
                "projects": {project["slug"] for project in release["projects"]["nodes"]},
                "commits": [int(commit["sha"], 16) for commit in release["commits"]["nodes"]],
                "date": release["dateReleased"] is not None,
                "status": release["status"].lower(),
            }
            for release in organization["releases"]["nodes"]
        }
        assert releases == self.model
        assert organization["releases"]["totalCount"] == len(self.model)
        for release in organization["releases"]["nodes"]:
            assert release["commitCount"] == len(release["commits"]["nodes"])
            assert release["lastCommit"] == (release["commits"]["nodes"] or [None])[0]
        for project in organization["projects"]["nodes"]:
            number = sum(project["slug"] in release["projects"] for release in self.model.values())
            assert project["releases"]["totalCount"] == number


def test_store_behaves_as_a_dict(template: Template) -> None:
    """Each rule has each of its outcomes; the lists are compared while they are empty and while they have several releases."""
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
    counts = Releases.did
    ends = ("created", "extended", "repeated", "reopened", "cleared", "deleted", "missed", "looked at 0", "looked at 2")
    assert [end for end in ends if not counts[end]] == []
