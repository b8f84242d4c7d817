"""Refs: the head commit of a repository in a release, and the previous commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gql_releases.domain.commit import SHA_LENGTH
from gql_releases.domain.errors import ErrorCode, Path, Problem
from gql_releases.domain.validation import Reader, record, text


@dataclass(frozen=True, slots=True)
class Ref:
    """A repository's head in a release; `previous_sha` is the last commit before the range."""

    repository: str
    sha: str
    previous_sha: str | None = None


_read_ref = record(
    {"repository": text(max=200), "sha": text(), "previous_sha": text(max=SHA_LENGTH, null=True, blank=True)},
    required=("repository", "sha"),
)
_read_head = record(
    {"repository": text(max=64), "sha": text(max=SHA_LENGTH), "previous_sha": text(max=SHA_LENGTH, null=True)},
    required=("repository", "sha"),
)


def ref_reader() -> Reader:
    """Return the reader of a ref, whose commit may be a range `previous..head` (docs/sentry-contract.md#2-7-refs)."""

    def read_ref(raw: Any, path: Path, problems: list[Problem]) -> Ref | None:
        before = len(problems)
        values = _read_ref(raw, path, problems)
        if values is None or not values.get("sha"):
            return None
        sha, previous = values["sha"], values.get("previous_sha") or None
        if ".." in sha:
            previous, _, sha = sha.partition("..")
        if wrong := _check_range(values["sha"], previous, sha):
            problems.append(Problem(ErrorCode.INVALID_REF, (*path, "sha"), wrong))
        return None if len(problems) > before else Ref(values["repository"], sha, previous)

    return read_ref


def _check_range(text: str, previous: str | None, sha: str) -> str | None:
    if ".." not in text:
        return f"Commit too long - max is {SHA_LENGTH} chars" if len(sha) > SHA_LENGTH else None
    if not sha or not previous:
        return "Commit cannot begin or end with .."
    if max(len(sha), len(previous)) > SHA_LENGTH:
        return f"Start or end commit too long - max is {SHA_LENGTH} chars each"
    if ".." in sha:
        return "Commit cannot be more than one range"
    return None


def head_reader() -> Reader:
    """Return the reader of an entry of the legacy headCommits."""

    def read_head(raw: Any, path: Path, problems: list[Problem]) -> Ref | None:
        before = len(problems)
        values = _read_head(raw, path, problems)
        if values is None or len(problems) > before:
            return None
        return Ref(values["repository"], values["sha"], values.get("previous_sha"))

    return read_head
