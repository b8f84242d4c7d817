"""Mutations of issues: resolve, reopen, ignore, merge and delete them; and forget a user."""

from __future__ import annotations

import strawberry

from gql_releases.domain.errors import Problem
from gql_releases.domain.events.issue import IssueStatus
from gql_releases.domain.events.issue import ResolutionKind as Kind
from gql_releases.domain.events.issue_change import build_resolution
from gql_releases.domain.principal import Principal
from gql_releases.domain.selection import PagedSelection
from gql_releases.graphql_api.execution.bindings import Input, Payload, mutation_field
from gql_releases.graphql_api.execution.scalars import to_global_id
from gql_releases.graphql_api.execution.services import Services
from gql_releases.graphql_api.schema.fields import UserError, errors_field, node_field, optional_field, required_field
from gql_releases.graphql_api.schema.issue import Issue, ResolutionKind
from gql_releases.graphql_api.schema.issue_by import IssueBy, issue_key
from gql_releases.graphql_api.schema.release_by import ReleaseBy, release_key
from gql_releases.services import input_problems

_NEEDS_WRITE = "Needs event:write, event:admin, project:write or project:admin (else FORBIDDEN)."
_NEEDS_ADMIN = "Needs event:admin or project:admin (else FORBIDDEN)."


@strawberry.input(description="Input of resolveIssue.")
class ResolveIssueInput:
    """An issue to resolve, and what it is resolved in."""

    issue: IssueBy = required_field("The issue; ISSUE_NOT_FOUND if it does not exist.")
    in_: ResolutionKind | None = optional_field(
        "What it is resolved in (default: NOW). It decides which events reopen the issue.", "in"
    )
    release: ReleaseBy | None = optional_field(
        "With `in: RELEASE`: the release that fixes it; REQUIRED there, INVALID_CHOICE elsewhere, RELEASE_NOT_FOUND if it "
        "does not exist."
    )
    commit: str | None = optional_field(
        "With `in: COMMIT`: the sha of the commit that fixes it; REQUIRED there, INVALID_CHOICE elsewhere, COMMIT_NOT_FOUND "
        "if no release has it."
    )


@strawberry.input(description="Input of unresolveIssue.")
class UnresolveIssueInput:
    """An issue to reopen."""

    issue: IssueBy = required_field("The issue; ISSUE_NOT_FOUND if it does not exist.")


@strawberry.input(description="Input of ignoreIssue.")
class IgnoreIssueInput:
    """An issue to ignore."""

    issue: IssueBy = required_field("The issue; ISSUE_NOT_FOUND if it does not exist.")


@strawberry.input(description="Input of mergeIssues.")
class MergeIssuesInput:
    """Issues to merge."""

    into: IssueBy = required_field("The issue that remains; ISSUE_NOT_FOUND if it does not exist.")
    issues: list[IssueBy] = required_field(
        "The issues that become a part of it, at most 100 (TOO_LONG); ISSUE_NOT_FOUND for one that does not exist, "
        "INVALID_CHOICE for one of another project."
    )


@strawberry.input(description="Input of deleteIssues.")
class DeleteIssuesInput:
    """Issues to delete."""

    issues: list[IssueBy] = required_field(
        "The issues, at most 100 (TOO_LONG); ISSUE_NOT_FOUND for one that does not exist: then none is deleted."
    )


@strawberry.input(description="Input of forgetUser.")
class ForgetUserInput:
    """A user to forget."""

    organization: str = required_field(
        "The organization's slug, such as `acme`; ORGANIZATION_NOT_FOUND if the token has no access to it."
    )
    user: str = required_field(
        "What the SDKs sent of the user: the id if there was one, else the e-mail address, else the name, such as `42`."
    )


@strawberry.type(description="Result of resolveIssue.")
class ResolveIssuePayload:
    """The payload of resolveIssue."""

    issue: Issue | None = node_field("issue")
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="Result of unresolveIssue.")
class UnresolveIssuePayload:
    """The payload of unresolveIssue."""

    issue: Issue | None = node_field("issue")
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="Result of ignoreIssue.")
class IgnoreIssuePayload:
    """The payload of ignoreIssue."""

    issue: Issue | None = node_field("issue")
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="Result of mergeIssues.")
class MergeIssuesPayload:
    """The payload of mergeIssues."""

    issue: Issue | None = node_field("remaining issue")
    merged_issue_ids: list[strawberry.ID] | None = strawberry.field(
        description="The ids that the merged issues had, to remove them from client caches; null if there are user errors."
    )
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="Result of deleteIssues.")
class DeleteIssuesPayload:
    """The payload of deleteIssues."""

    deleted_issue_ids: list[strawberry.ID] | None = strawberry.field(
        description="The ids that the issues had, to remove them from client caches; null if there are user errors."
    )
    user_errors: list[UserError] = errors_field()


@strawberry.type(description="Result of forgetUser.")
class ForgetUserPayload:
    """The payload of forgetUser."""

    issue_count: int | None = strawberry.field(
        description="The number of issues that the user had; 0 if no event has the user. Null if there are user errors."
    )
    user_errors: list[UserError] = errors_field()


async def resolve_issue(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Resolve an issue."""
    release = release_key(values["release"]) if values.get("release") else None
    resolution = build_resolution(Kind(values.get("in_") or Kind.NOW), release, values.get("commit"))
    return {"shown": await services.issues.resolve_issue(principal, issue_key(values["issue"]), resolution, view)}


async def unresolve_issue(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Reopen an issue."""
    key = issue_key(values["issue"])
    return {"shown": await services.issues.set_status(principal, key, IssueStatus.UNRESOLVED, view)}


async def ignore_issue(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Ignore an issue."""
    key = issue_key(values["issue"])
    return {"shown": await services.issues.set_status(principal, key, IssueStatus.IGNORED, view)}


async def merge_issues(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Merge issues."""
    keys = [issue_key(by) for by in values["issues"]]
    merged, shown = await services.issues.merge_issues(principal, issue_key(values["into"]), keys, view)
    return {"merged_issue_ids": [to_global_id("Issue", key) for key in merged], "shown": shown}


async def delete_issues(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Delete issues."""
    deleted = await services.issues.delete_issues(principal, [issue_key(by) for by in values["issues"]])
    return {"deleted_issue_ids": [to_global_id("Issue", key) for key in deleted]}


async def forget_user(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Forget a user."""
    return {"issue_count": await services.issues.forget_user(principal, values["organization"], values["user"])}


async def _find_missing_issue(services: Services, principal: Principal, values: Input) -> list[Problem]:
    problems = await input_problems.find_missing_issue(services.reads, principal, issue_key(values["issue"]))
    if values.get("release"):
        key = release_key(values["release"])
        problems += await input_problems.find_missing_release(services.reads, principal, key)
    return problems


@strawberry.type
class IssueMutation:
    """Root fields that write issues."""

    resolve_issue: ResolveIssuePayload | None = mutation_field(
        resolve_issue,
        ResolveIssueInput,
        "Resolve an issue: at once, in a release or in the next one of its project, or in a commit. An event that comes "
        f"after the fix reopens it. {_NEEDS_WRITE}",
        shows="issue",
        find_problems=_find_missing_issue,
    )
    unresolve_issue: UnresolveIssuePayload | None = mutation_field(
        unresolve_issue,
        UnresolveIssueInput,
        f"Reopen an issue that is resolved or ignored; its resolution is removed. {_NEEDS_WRITE}",
        shows="issue",
    )
    ignore_issue: IgnoreIssuePayload | None = mutation_field(
        ignore_issue,
        IgnoreIssueInput,
        f"Ignore an issue: its events are counted, and none of them reopens it. {_NEEDS_WRITE}",
        shows="issue",
    )
    merge_issues: MergeIssuesPayload | None = mutation_field(
        merge_issues,
        MergeIssuesInput,
        "Merge issues of one project: their events, also later ones, belong to the remaining issue. This cannot be undone. "
        f"{_NEEDS_ADMIN}",
        shows="issue",
    )
    delete_issues: DeleteIssuesPayload | None = mutation_field(
        delete_issues,
        DeleteIssuesInput,
        "Delete issues with their events. This cannot be undone; a later event creates a new issue. The numbers of events "
        f"of releases stay. {_NEEDS_ADMIN}",
    )
    forget_user: ForgetUserPayload | None = mutation_field(
        forget_user,
        ForgetUserInput,
        "Remove what is stored of a user, a salted hash, from all events, issues and sessions. The events stay. "
        f"{_NEEDS_ADMIN}",
    )


MUTATION = IssueMutation
