"""Suspect commits: which changed files match the frames of an event, and how they are ranked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from gql_releases.domain.events.issue import GroupingStep, SuspectStatus
from gql_releases.domain.events.suspects import (
    CandidateChange,
    Suspect,
    choose_status,
    choose_suspects,
    is_code,
    list_frame_paths,
    split_path,
)


def body(*frames: dict[str, Any]) -> dict[str, Any]:
    """Return the body of an event whose frames are given from the outermost."""
    return {"exception": {"values": [{"type": "E", "stacktrace": {"frames": list(frames)}}]}}


def rank(frames: list[dict[str, Any]], paths: Sequence[str | CandidateChange], platform: str = "python") -> list[Suspect]:
    """Return the suspects of frames among changes; a path is that of a commit of its own in the same release."""
    changes = [
        CandidateChange(index + 1, path, "MODIFIED", 0, index) if isinstance(path, str) else path
        for index, path in enumerate(paths)
    ]
    return choose_suspects(list_frame_paths(body(*frames), platform), changes)


@pytest.mark.parametrize(
    ("frame", "path", "segments", "score"),
    [
        ({"filename": "shop/pay.py"}, "src/shop/pay.py", 2, 100 * 2 / 3),
        ({"abs_path": "/srv/app/src/cart.js", "filename": "cart.js"}, "packages/web/src/cart.js", 2, 50.0),
        ({"module": "shop.pay"}, "shop/pay.py", 2, 100.0),
        ({"filename": "webpack://web/./src/cart.ts", "symbolicated": True}, "src/cart.ts", 2, 100.0),
        ({"filename": "src/cart.ts", "abs_path": "https://s.example/app.js", "symbolicated": True}, "src/cart.ts", 2, 100.0),
        ({"filename": "app:///src/cart.ts?x=1"}, "src/cart.ts", 2, 100.0),
        ({"filename": "C:\\app\\Shop\\Pay.cs"}, "shop/pay.cs", 2, 100.0),
        ({"filename": "../lib/cart.rb"}, "lib/cart.rb", 2, 100.0),
        ({"abs_path": "/srv/app/setup.py"}, "setup.py", 1, 100.0),
        ({"filename": "utils.py"}, "a/utils.py", 1, 50.0),
        ({"module": "pay"}, "shop/pay.py", 1, 50.0),
    ],
)
def test_a_changed_file_matches_by_the_segments_at_its_end(
    frame: dict[str, Any], path: str, segments: int, score: float
) -> None:
    [suspect] = rank([frame], [path])
    assert (suspect.path, suspect.matched_segments, suspect.releases_back) == (path, segments, 0)
    assert suspect.score == pytest.approx(score)


@pytest.mark.parametrize(
    ("frame", "paths"),
    [
        ({"filename": "utils.py"}, ["a/utils.py", "b/utils.py"]),  # two files of the name
        ({"filename": "lib/utils.py"}, ["a/utils.py"]),  # equal names only, both in folders
        ({"module": "shop.pay"}, ["shop/pays.py", "other/pay.py"]),
        ({"filename": "<anonymous>"}, ["<anonymous>"]),
        ({"function": "charge"}, ["charge.py"]),
        ({"filename": "shop/pay.py"}, ["shop/pay.pyi"]),
    ],
)
def test_what_does_not_match(frame: dict[str, Any], paths: list[str]) -> None:
    assert rank([frame], paths) == []


@pytest.mark.parametrize(
    "path",
    [
        "tests/shop/pay.py", "src/__tests__/pay.ts", "shop/test_pay.py", "shop/pay_test.go", "src/pay.test.ts",
        "src/pay.spec.js", "shop/conftest.py", "poetry.lock", "yarn.lock", "package-lock.json", "docs/conf.py",
        "README.md", "README", "CHANGELOG.rst", "notes.txt",
    ],
)  # fmt: skip
def test_tests_locks_and_documentation_are_no_suspects(path: str) -> None:
    assert not is_code(path, "MODIFIED")


@pytest.mark.parametrize("path", ["shop/pay.py", "src/contest.py", "src/latest.ts", "shop/attest_key.go", "src/Spec.java"])
def test_code_is(path: str) -> None:
    assert is_code(path, "ADDED")
    assert not is_code(path, "DELETED")


def test_older_releases_and_outer_frames_score_less() -> None:
    frames = [{"filename": "shop/views.py"}, {"filename": "shop/pay.py"}]
    changes = [
        CandidateChange(1, "shop/pay.py", "MODIFIED", 4, 0),
        CandidateChange(2, "shop/views.py", "MODIFIED", 0, 1),
        CandidateChange(3, "shop/pay.py", "MODIFIED", 1, 0),
        CandidateChange(4, "shop/pay.py", "DELETED", 0, 0),
    ]
    suspects = rank(frames, changes)
    assert [suspect.commit_id for suspect in suspects] == [2, 3, 1]
    assert [suspect.score for suspect in suspects] == pytest.approx([70, 60, 100 * 0.6**4])


def test_three_suspects_of_one_score_are_the_newest() -> None:
    changes = [CandidateChange(9 - position, "shop/pay.py", "MODIFIED", 0, position) for position in range(5)]
    suspects = rank([{"filename": "shop/pay.py"}], list(reversed(changes)))
    assert [suspect.commit_id for suspect in suspects] == [9, 8, 7]


def test_a_commit_is_a_suspect_once_by_its_best_file() -> None:
    changes = [
        CandidateChange(1, path, "MODIFIED", 0, 0) for path in ("web/src/shop/pay.py", "shop/pay.py", "shop/views.py")
    ]
    [suspect] = rank([{"filename": "shop/views.py"}, {"filename": "shop/pay.py"}], changes)
    assert (suspect.path, suspect.frame_path, suspect.score) == ("shop/pay.py", "shop/pay.py", 100)


def test_frames_are_the_first_ten_of_the_application_from_the_crash() -> None:
    frames = [{"filename": f"app/f{index}.py", "in_app": True} for index in range(12)]
    frames.append({"filename": "lib/flask.py", "in_app": False})
    paths = list_frame_paths(body(*frames), "python")
    assert [(path.text, path.distance) for path in paths] == [(f"app/f{11 - index}.py", index) for index in range(10)]


def test_minified_frames_match_nothing() -> None:
    minified = {"filename": "https://s.example/src/app.js", "function": "t", "colno": 40_000}
    assert rank([minified], ["src/app.js"], "javascript") == []
    assert rank([{**minified, "symbolicated": True}], ["src/app.js"], "javascript") != []
    assert choose_status(GroupingStep.MINIFIED, [], has_changes=True) is SuspectStatus.MINIFIED


def test_the_frames_of_the_last_exception_count() -> None:
    values = [
        {"type": "A", "stacktrace": {"frames": [{"filename": "a/a.py"}]}},
        {"type": "B", "stacktrace": {"frames": [{"filename": "b/b.py"}]}},
        {"type": "C"},
    ]
    assert [path.text for path in list_frame_paths({"exception": {"values": values}}, "python")] == ["b/b.py"]
    thread = {"threads": {"values": [{"stacktrace": {"frames": [{"filename": "c/c.py"}]}}]}}
    assert [path.text for path in list_frame_paths(thread, "python")] == ["c/c.py"]


def test_a_status_says_why_there_is_no_suspect() -> None:
    suspect = Suspect(1, 100.0, "a/b.py", "a/b.py", 2, 0)
    assert choose_status(GroupingStep.STACK, [suspect], has_changes=True) is SuspectStatus.FOUND
    assert choose_status(GroupingStep.STACK, [], has_changes=True) is SuspectStatus.NO_MATCH
    assert choose_status(GroupingStep.STACK, [], has_changes=False) is SuspectStatus.NO_COMMITS


@pytest.mark.parametrize("text", ["", "/", "//", "..", "http://host", "webpack://", "\\", "?", "./../."])
def test_any_text_can_be_split(text: str) -> None:
    assert split_path(text) in ((), ("?",), ("host",), ("http:", "host"), ("webpack:",))
