"""The wire's names for the domain's fields, both ways: bodies in, paths of problems out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gql_releases.domain.errors import Path


@dataclass(frozen=True, slots=True)
class Names:
    """An object's fields: wire name -> (domain name, the fields below it)."""

    fields: Mapping[str, tuple[str, Names | None]] = field(default_factory=dict)

    def to_domain(self, raw: Any) -> Any:
        """Rename the fields of an object, or of each object of a list; leave anything else as it is."""
        if isinstance(raw, list):
            return [self.to_domain(item) for item in raw]
        if not isinstance(raw, dict):
            return raw
        renamed = {}
        for name, value in raw.items():
            if name in self.fields:
                own, below = self.fields[name]
                renamed[own] = below.to_domain(value) if below else value
        return renamed

    def to_wire(self, path: Path) -> Path:
        """Spell a path into the object in the wire's names."""
        spelled: list[str | int] = []
        here: Names | None = self
        for step in path:
            found = next(((w, n) for w, (d, n) in here.fields.items() if d == step), None) if here else None
            if found:
                spelled.append(found[0])
                here = found[1]
            else:
                spelled.append(step)
        return tuple(spelled)


def _same(*names: str) -> dict[str, tuple[str, Names | None]]:
    return {name: (name, None) for name in names}


_FILE_CHANGE = Names(_same("path", "type"))
_COMMIT = Names(
    {"id": ("sha", None)}
    | _same("repository", "message", "author_name", "author_email", "timestamp")
    | {"patch_set": ("file_changes", _FILE_CHANGE)}
)
_REF = Names({"commit": ("sha", None), "previousCommit": ("previous_sha", None)} | _same("repository"))
_HEAD = Names({"currentId": ("sha", None), "previousId": ("previous_sha", None)} | _same("repository"))

_COMMON = _same("ref", "url", "status") | {"dateReleased": ("date_released", None), "commits": ("commits", _COMMIT)}
_REFS = {"refs": ("refs", _REF), "headCommits": ("head_commits", _HEAD)}

DEPLOY = Names(
    _same("environment", "name", "url", "projects", "status", "comment")
    | {"dateStarted": ("date_started", None), "dateFinished": ("date_finished", None), "externalId": ("external_id", None)}
    | {"links": ("links", Names(_same("name", "url")))}
)
"""The body of a deploy."""
CREATION = Names(_same("version", "projects") | _COMMON | _REFS)
"""The body of a creation under an organization."""
PROJECT_CREATION = Names(_same("version") | _COMMON)
"""The body of a creation under a project: no projects, no refs (docs/sentry-contract.md#2-11-project-creation)."""
CHANGE = Names(_COMMON | _REFS)
"""The body of a change under an organization."""
PROJECT_CHANGE = Names(_COMMON)
"""The body of a change under a project (docs/sentry-contract.md#3-4-project-paths)."""
ALL = Names({**CREATION.fields, **DEPLOY.fields})
"""Every body's fields, by which errors are spelled: a name means the same in all."""
