"""The order of commits: what lists that were sent say of a line of history, and how a range is walked along it.

A list is a stretch of one line, newest first: what stands after a commit is what came before it. Where a list's head came
with a previous commit, that one comes next. What no list joins is joined by dates, told as BY_TIME, or not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

MAX_RANGE = 5000
"""Commits that a range may have; a longer one is not filled, or one write could hold up all others."""
MAX_STEPS = 200
"""Lists that a range may be put together from."""


class CommitStatus(StrEnum):
    """Whether a release has its commits, and why not; each is worse than those before it."""

    COMPLETE = "COMPLETE"
    BY_TIME = "BY_TIME"
    HEAD_UNLISTED = "HEAD_UNLISTED"
    TOO_LONG = "TOO_LONG"
    AMBIGUOUS = "AMBIGUOUS"
    GAP = "GAP"
    PREVIOUS_UNKNOWN = "PREVIOUS_UNKNOWN"
    HEAD_UNKNOWN = "HEAD_UNKNOWN"
    ORIGIN_AMBIGUOUS = "ORIGIN_AMBIGUOUS"
    NO_COMMITS = "NO_COMMITS"


MESSAGES = {
    CommitStatus.COMPLETE: "All commits are known: a list was sent, or every commit from previous to head is known.",
    CommitStatus.BY_TIME: (
        "The range is filled, but some of its lists are joined by dates alone: send previousCommit with each list."
    ),
    CommitStatus.HEAD_UNLISTED: "A list of commits was sent, but does not contain the head: send the list of that head.",
    CommitStatus.TOO_LONG: (
        f"The range has more than {MAX_RANGE} commits or {MAX_STEPS} lists, so only the head is listed: send a nearer "
        "previousCommit, or a list."
    ),
    CommitStatus.AMBIGUOUS: (
        "Lists disagree about what came before a commit, so only the head is listed: send the list of this release."
    ),
    CommitStatus.GAP: (
        "The known commits do not lead from head to previous, so only the head is listed: send the missing "
        "list of commits or, after a force-push, a previousCommit of the new line."
    ),
    CommitStatus.PREVIOUS_UNKNOWN: (
        "No previousCommit was sent, and no other release of the projects has a head on the known line, so "
        "only the head is listed: send previousCommit."
    ),
    CommitStatus.HEAD_UNKNOWN: (
        "The head is in no list of commits that was sent, so only the head is listed: send the list that has "
        "it, with a release of any project."
    ),
    CommitStatus.ORIGIN_AMBIGUOUS: (
        "Commits or refs name the repository `origin`, and the projects of the release have several default "
        "repositories: name the repository, with SENTRY_VCS_REMOTE or set-commits --commit."
    ),
    CommitStatus.NO_COMMITS: (
        "No commits or refs were sent for this release: run set-commits; in CI, fetch the history first."
    ),
}
"""A sentence for each status."""

USABLE_STATUSES = (CommitStatus.COMPLETE, CommitStatus.BY_TIME)


def worst_status(statuses: Iterable[CommitStatus]) -> CommitStatus:
    """Give the status of a release by those of its repositories."""
    ranks = list(CommitStatus)
    return max(statuses, key=ranks.index, default=CommitStatus.NO_COMMITS)


@dataclass(frozen=True, slots=True)
class CommitList:
    """A list from some commit on, newest first; `base` is the commit before its oldest, where that was said."""

    shas: tuple[str, ...]
    base: str | None = None


class RangeWalk:
    """A walk from a head to the first commit where it may stop: who leads it hands in the lists that have `wants`.

    `found` are the commits of the range as far as they are known, newest first; `outcome` is None while the walk goes on.
    While `stuck`, no list leads on from `wants`, and the leader may say by `leap` where dates lead.
    """

    def __init__(self, head: str, *, stops_unknown: bool = False) -> None:
        self.found: list[str] = []
        self.wants = head
        self.outcome: CommitStatus | None = None
        self.stuck = False
        self._seen: set[str] = set()
        self._steps = 0
        self._done = CommitStatus.COMPLETE
        self._lost = CommitStatus.PREVIOUS_UNKNOWN if stops_unknown else CommitStatus.GAP

    def follow(self, tails: Iterable[CommitList], stops: Collection[str]) -> None:
        """Go along the lists that have `wants`, up to one of `stops` or to where they end."""
        self._steps += 1
        lines = [_cut_line(tail, stops) for tail in tails]
        longest = max(lines, key=len, default=())
        if self.wants in stops:
            self.outcome = self._done
        elif not longest:
            self.outcome = self._lost if self.found else CommitStatus.HEAD_UNKNOWN
        elif any(longest[: len(line)] != line for line in lines) or not self._seen.isdisjoint(longest[:-1]):
            self.outcome = CommitStatus.AMBIGUOUS
        elif len(self.found) + len(longest) > MAX_RANGE + 1 or self._steps > MAX_STEPS:
            self.outcome = CommitStatus.TOO_LONG
        elif len(longest) == 1:
            self.stuck = True
        else:
            self._take(longest[:-1])
            self.wants = longest[-1]
            if self.wants in stops:
                self.outcome = self._done

    def leap(self, sha: str | None) -> None:
        """Go on at the head that dates say is next, or end the walk where they say nothing."""
        self.stuck = False
        if sha is None:
            self.outcome = self._lost
        else:
            self._take((self.wants,))
            self.wants, self._done = sha, CommitStatus.BY_TIME

    def _take(self, shas: Sequence[str]) -> None:
        self.found += shas
        self._seen.update(shas)


def _cut_line(tail: CommitList, stops: Collection[str]) -> tuple[str, ...]:
    line = tail.shas if tail.base is None else (*tail.shas, tail.base)
    end = next((index for index, sha in enumerate(line) if index and sha in stops), len(line))
    return line[: end + 1]


class DatedCommit(Protocol):
    """A commit with its place in time."""

    @property
    def repository_id(self) -> int:
        """Which repository it is of."""

    @property
    def timestamp(self) -> datetime | None:
        """When it was made, if that is known."""


Commit = TypeVar("Commit", bound=DatedCommit)


def interleave(lists: Iterable[Sequence[Commit]]) -> list[Commit]:
    """Make one list of several: always the newest of those that are next, one without a time at once. None is reordered."""
    waiting = [list(reversed(commits)) for commits in lists if commits]
    merged: list[Commit] = []
    while waiting:
        place = max(range(len(waiting)), key=lambda index: (_moment(waiting[index][-1]), -index))
        merged.append(waiting[place].pop())
        if not waiting[place]:
            del waiting[place]
    return merged


def _moment(commit: DatedCommit) -> float:
    return commit.timestamp.timestamp() if commit.timestamp else float("inf")


def last_commit(commits: Iterable[Commit]) -> Commit | None:
    """Decide a list's last commit: of each repository its first, and of these the newest that has a time, else the first."""
    firsts: dict[int, Commit] = {}
    for commit in commits:
        firsts.setdefault(commit.repository_id, commit)
    return max(
        firsts.values(), key=lambda commit: commit.timestamp.timestamp() if commit.timestamp else float("-inf"), default=None
    )
