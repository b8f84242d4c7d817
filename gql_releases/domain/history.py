"""The order of commits: finds the commits of a range in the lists of commits that clients sent.

A list is a part of one line of history, newest first. If its request named a previous commit, that commit follows the
oldest of the list. Lists without a common commit are joined by dates (BY_TIME), or not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

MAX_RANGE = 5000
"""Commits of a range at most; a longer range is not filled, since one write could block all others."""
MAX_STEPS = 200
"""Lists of a range at most."""


class CommitStatus(StrEnum):
    """Whether a release has its commits, else the reason; in the order from best to worst."""

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
"""Status -> the sentence that explains it."""

USABLE_STATUSES = (CommitStatus.COMPLETE, CommitStatus.BY_TIME)
"""Statuses of ranges whose commits are listed."""


def worst_status(statuses: Iterable[CommitStatus]) -> CommitStatus:
    """Return the status of a release from those of its repositories."""
    ranks = list(CommitStatus)
    return max(statuses, key=ranks.index, default=CommitStatus.NO_COMMITS)


@dataclass(frozen=True, slots=True)
class CommitList:
    """Commits of a list from one commit on, newest first; `base` is the commit before the oldest, if it is known."""

    shas: tuple[str, ...]
    base: str | None = None


class RangeWalk:
    """Collects the commits from a head to the first commit in `stops`: the caller passes the lists that contain `next_sha`.

    `shas` are the commits of the range so far, newest first; `outcome` is None until the range ends. While `is_stuck`, no
    list has a commit before `next_sha`, and the caller calls `continue_at` with the commit that precedes it by date.
    """

    def __init__(self, head: str, *, stops_unknown: bool = False) -> None:
        self.shas: list[str] = []
        self.next_sha = head
        self.outcome: CommitStatus | None = None
        self.is_stuck = False
        self._seen: set[str] = set()
        self._steps = 0
        self._end_status = CommitStatus.COMPLETE
        self._gap_status = CommitStatus.PREVIOUS_UNKNOWN if stops_unknown else CommitStatus.GAP

    def follow(self, tails: Iterable[CommitList], stops: Collection[str]) -> None:
        """Append the commits of the lists that contain `next_sha`, up to one of `stops` or the end of the lists."""
        self._steps += 1
        lines = [_cut_line(tail, stops) for tail in tails]
        longest = max(lines, key=len, default=())
        if self.next_sha in stops:
            self.outcome = self._end_status
        elif not longest:
            self.outcome = self._gap_status if self.shas else CommitStatus.HEAD_UNKNOWN
        elif any(longest[: len(line)] != line for line in lines) or not self._seen.isdisjoint(longest[:-1]):
            self.outcome = CommitStatus.AMBIGUOUS
        elif len(self.shas) + len(longest) > MAX_RANGE + 1 or self._steps > MAX_STEPS:
            self.outcome = CommitStatus.TOO_LONG
        elif len(longest) == 1:
            self.is_stuck = True
        else:
            self._append(longest[:-1])
            self.next_sha = longest[-1]
            if self.next_sha in stops:
                self.outcome = self._end_status

    def continue_at(self, sha: str | None) -> None:
        """Continue at the preceding head by date; None ends the range with a gap."""
        self.is_stuck = False
        if sha is None:
            self.outcome = self._gap_status
        else:
            self._append((self.next_sha,))
            self.next_sha, self._end_status = sha, CommitStatus.BY_TIME

    def _append(self, shas: Sequence[str]) -> None:
        self.shas += shas
        self._seen.update(shas)


def _cut_line(tail: CommitList, stops: Collection[str]) -> tuple[str, ...]:
    line = tail.shas if tail.base is None else (*tail.shas, tail.base)
    end = next((index for index, sha in enumerate(line) if index and sha in stops), len(line))
    return line[: end + 1]


class DatedCommit(Protocol):
    """A commit with its repository and time."""

    @property
    def repository_id(self) -> int:
        """Id of its repository."""

    @property
    def timestamp(self) -> datetime | None:
        """Time of the commit; None if it is not known."""


Commit = TypeVar("Commit", bound=DatedCommit)


def interleave(lists: Iterable[Sequence[Commit]]) -> list[Commit]:
    """Merge lists by time, newest first, without reordering any list; a commit without a time comes as early as possible."""
    stacks = [list(reversed(commits)) for commits in lists if commits]
    merged: list[Commit] = []
    while stacks:
        next_index = max(range(len(stacks)), key=lambda index: (_moment(stacks[index][-1]), -index))
        merged.append(stacks[next_index].pop())
        if not stacks[next_index]:
            del stacks[next_index]
    return merged


def _moment(commit: DatedCommit) -> float:
    return commit.timestamp.timestamp() if commit.timestamp else float("inf")


def last_commit(commits: Iterable[Commit]) -> Commit | None:
    """Return the last commit of a release: the newest first commit of its repositories, else the first."""
    firsts: dict[int, Commit] = {}
    for commit in commits:
        firsts.setdefault(commit.repository_id, commit)
    return max(
        firsts.values(), key=lambda commit: commit.timestamp.timestamp() if commit.timestamp else float("-inf"), default=None
    )
