"""Valid things to change one thing of."""

from __future__ import annotations

from typing import Any

SHA = "6ba09a7c53235ee8a8fa5ee4c1ca8ca886e7fdbb"


def commit(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A commit as REST has it; higher numbers are older."""
    built = {
        "id": f"{number:040x}",
        "repository": "acme/web",
        "message": f"Change number {number}",
        "author_name": "Ada",
        "author_email": "ada@example.com",
        "timestamp": f"2026-11-19T08:00:{59 - number % 60:02}+01:00",
        "patch_set": [{"path": f"src/{number}.ts", "type": "M"}],
    }
    return built | changes


def release(version: Any = "web@1.0.0+1", **changes: Any) -> dict[str, Any]:
    """A release as REST has it."""
    return {"version": version, "projects": ["web"]} | changes


CREATE = """mutation ($input: CreateReleaseInput!) { createRelease(input: $input) {
  outcome ignoredFields release { id version ref url status dateReleased commitCount
    projects(first: 100) { nodes { slug } } commits(first: 100) { nodes { sha } }
    headCommits(first: 100) { nodes { repository { name } commit { sha } previousSha } } }
  userErrors { code message field } } }"""


SET_DEFAULT = "mutation ($input: UpdateProjectInput!) { updateProject(input: $input) { userErrors { code } } }"


def as_graphql(body: dict[str, Any], organization: str = "acme") -> dict[str, Any]:
    """The same release as createRelease takes it."""
    types = {"A": "ADDED", "M": "MODIFIED", "D": "DELETED"}
    names = {"id": "sha", "author_name": "authorName", "author_email": "authorEmail", "patch_set": "fileChanges"}
    built: dict[str, Any] = {"organization": organization, **body}
    if isinstance(body.get("commits"), list):
        built["commits"] = [{names.get(k, k): v for k, v in commit.items()} for commit in body["commits"]]
        for item in built["commits"]:
            if item.get("fileChanges"):
                item["fileChanges"] = [{**f, "type": types.get(f["type"], f["type"])} for f in item["fileChanges"]]
    if isinstance(body.get("status"), str):
        built["status"] = body["status"].upper()
    return built
