"""Ranges along sent_history lists: equal to those of the true history, whatever order the lists came in."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gql_releases.domain import history
from gql_releases.domain.history import MESSAGES, CommitList, CommitStatus, RangeWalk, interleave, last_commit, worst_status

FIRST_DATE = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class History:
    """Commits by number; each has one first parent, None for a root. Times grow with the numbers."""

    parents: list[int | None]

    def line(self, head: int | None) -> list[int]:
        """The first-parent line of a head, the newest first."""
        result = []
        while head is not None:
            result.append(head)
            head = self.parents[head]
        return result

    def range(self, head: int, previous: int) -> list[int] | None:
        """What is after previous, up to head; None where previous is not on head's line."""
        line = self.line(head)
        return line[: line.index(previous)] if previous in line else None


@st.composite
def histories(draw: st.DrawFn, linear: bool = False) -> History:
    size = draw(st.integers(2, 14))
    # A branch begins at an older commit; a merge's first parent is the line that it was merged into.
    back = [0] if linear else [0, 0, 0, 1, 2, 5]
    return History([None, *(max(0, number - 1 - draw(st.sampled_from(back))) for number in range(1, size))])


@st.composite
def lists(draw: st.DrawFn, sent_history: History) -> list[CommitList]:
    result = []
    for _ in range(draw(st.integers(0, 7))):
        line = sent_history.line(draw(st.integers(0, len(sent_history.parents) - 1)))
        size = draw(st.integers(1, len(line)))
        based = size < len(line) and draw(st.booleans())
        result.append(CommitList(tuple(map(str, line[:size])), str(line[size]) if based else None))
    return result


def walk(sent_history: Sequence[CommitList], head: int, stops: Sequence[int], *, by_time: bool = False) -> RangeWalk:
    """Lead a walk along lists in memory; the number of a commit is its time."""
    range_walk = RangeWalk(str(head))
    while range_walk.outcome is None:
        tails = [
            CommitList(item.shas[item.shas.index(range_walk.next_sha) :], item.base)
            for item in sent_history
            if range_walk.next_sha in item.shas
        ]
        range_walk.follow(tails, [str(stop) for stop in stops])
        if range_walk.is_stuck:
            older = [int(item.shas[0]) for item in sent_history if int(item.shas[0]) < int(range_walk.next_sha)]
            range_walk.continue_at(str(max(older)) if by_time and older and max(older) >= min(stops, default=0) else None)
    return range_walk


@given(st.data())
def test_a_complete_range_is_the_true_one_in_any_order_of_the_lists(data: st.DataObject) -> None:
    existing = data.draw(histories())
    sent = data.draw(lists(existing))
    head, previous = (data.draw(st.integers(0, len(existing.parents) - 1)) for _ in range(2))
    built = walk(sent, head, [previous])
    if built.outcome is CommitStatus.COMPLETE:
        assert built.shas == list(map(str, existing.range(head, previous) or ()))
        assert existing.range(head, previous) is not None
    else:
        assert built.outcome in (CommitStatus.GAP, CommitStatus.HEAD_UNKNOWN), "true lists never disagree"
    again = walk(data.draw(st.permutations(sent)), head, [previous])
    assert (again.outcome, again.shas, again.next_sha) == (built.outcome, built.shas, built.next_sha)
    more = walk([*sent, *data.draw(lists(existing))], head, [previous])
    assert built.outcome is not CommitStatus.COMPLETE or more.shas == built.shas, "more lists take nothing back"


@given(histories(), st.data())
def test_lists_with_their_previous_commits_make_every_range_on_their_line_complete(
    sent_history: History, data: st.DataObject
) -> None:
    line = sent_history.line(len(sent_history.parents) - 1)
    ends = sorted({len(line), *data.draw(st.lists(st.integers(1, len(line)), max_size=4))})
    begins = [0, *ends[:-1]]
    sent = [
        CommitList(tuple(map(str, line[begin:end])), str(line[end]) if end < len(line) else None)
        for begin, end in zip(begins, ends, strict=True)
    ]
    random.Random(len(line)).shuffle(sent)
    newer, older = sorted(data.draw(st.tuples(*[st.integers(0, len(line) - 1)] * 2)))
    result = walk(sent, line[newer], [line[older]])
    assert (result.outcome, result.shas) == (CommitStatus.COMPLETE, list(map(str, line[newer:older])))
    if newer < older:
        assert walk(sent, line[older], [line[newer]]).outcome is CommitStatus.GAP, "what is newer is not before"


@given(histories(linear=True), st.data())
def test_dates_join_the_lists_of_a_line_without_branches(sent_history: History, data: st.DataObject) -> None:
    line = sent_history.line(len(sent_history.parents) - 1)
    ends = sorted({len(line), *data.draw(st.lists(st.integers(1, len(line)), max_size=4))})
    sent = [CommitList(tuple(map(str, line[a:b]))) for a, b in zip([0, *ends[:-1]], ends, strict=True)]
    high, low = sorted(data.draw(st.lists(st.integers(0, len(line) - 1), min_size=2, max_size=2, unique=True)))
    result = walk(sent, line[high], [line[low]], by_time=True)
    assert result.outcome in history.USABLE_STATUSES
    assert result.shas == list(map(str, line[high:low]))
    joined = any(high < end <= low for end in ends)
    assert (result.outcome is CommitStatus.BY_TIME) == joined


@pytest.mark.parametrize(
    ("sent", "outcome"),
    [
        ([CommitList(("9", "8", "7")), CommitList(("9", "7", "6"))], CommitStatus.AMBIGUOUS),
        ([CommitList(("9", "8"), "7"), CommitList(("9", "8", "6"))], CommitStatus.AMBIGUOUS),
        ([CommitList(("9", "8"), "7"), CommitList(("7", "9"))], CommitStatus.AMBIGUOUS),
        ([CommitList(("9", "8"), "7")], CommitStatus.GAP),
        ([CommitList(("8", "7"))], CommitStatus.HEAD_UNKNOWN),
        ([CommitList(tuple(map(str, range(9, history.MAX_RANGE + 20))))], CommitStatus.TOO_LONG),
        ([CommitList((str(n),), str(n + 1)) for n in range(9, history.MAX_STEPS + 20)], CommitStatus.TOO_LONG),
    ],
)
def test_what_cannot_be_filled_says_why(sent: list[CommitList], outcome: CommitStatus) -> None:
    assert walk(sent, 9, [1]).outcome is outcome


def test_a_range_has_as_many_commits_as_it_may() -> None:
    last = 9 + history.MAX_RANGE
    result = walk([CommitList(tuple(map(str, range(9, last + 1))))], 9, [last])
    assert (result.outcome, len(result.shas)) == (CommitStatus.COMPLETE, history.MAX_RANGE)


@dataclass(frozen=True)
class One:
    repository_id: int
    number: int
    timestamp: datetime | None


ones = st.builds(
    One, st.integers(1, 3), st.integers(), st.none() | st.integers(0, 9).map(lambda n: FIRST_DATE + timedelta(n))
)


@given(st.lists(st.lists(ones, max_size=5), max_size=4))
def test_interleaving_keeps_each_list_and_sorts_what_is_sorted(given_lists: list[list[One]]) -> None:
    numbered = [
        [One(index, number, commit.timestamp) for number, commit in enumerate(listed_commits)]
        for index, listed_commits in enumerate(given_lists)
    ]
    merged = interleave(numbered)
    for index, listed_commits in enumerate(numbered):
        assert [item for item in merged if item.repository_id == index] == listed_commits
    timed = [sorted((item.timestamp for item in item if item.timestamp), reverse=True) for item in numbered]
    flat = interleave([[One(0, 0, time) for time in item] for item in timed])
    times = [item.timestamp for item in flat if item.timestamp]
    assert times == sorted(times, reverse=True)


@given(st.lists(ones, max_size=8))
def test_last_commit_is_the_newest_of_the_first_of_each_repository(listed: list[One]) -> None:
    last = last_commit(listed)
    firsts = [
        commit
        for index, commit in enumerate(listed)
        if commit.repository_id not in {o.repository_id for o in listed[:index]}
    ]
    assert (last is None) == (not listed)
    if last:
        assert last in firsts
        times = [first.timestamp for first in firsts if first.timestamp]
        assert last.timestamp == (max(times) if times else None)
        assert times or last is listed[0]


def test_the_worst_status_is_a_releases_and_each_has_a_sentence() -> None:
    assert worst_status([]) is CommitStatus.NO_COMMITS
    assert worst_status([CommitStatus.COMPLETE, CommitStatus.GAP, CommitStatus.BY_TIME]) is CommitStatus.GAP
    assert set(MESSAGES) == set(CommitStatus)
