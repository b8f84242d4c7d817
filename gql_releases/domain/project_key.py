"""Project keys and DSNs: the addresses to which SDKs send the events of a project."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from gql_releases.domain.organization import ProjectReference
from gql_releases.domain.validation import boolean, read, record, text

DEFAULT_KEY_NAME = "Default"
"""The name of the key that every new project gets, and of a key that is created without a name."""


@dataclass(frozen=True, slots=True)
class ProjectKeyReference:
    """How an operation names a project key: by id, or by project and public key."""

    id: int | None = None
    project: ProjectReference = field(default_factory=ProjectReference)
    public_key: str = ""


@dataclass(frozen=True, slots=True)
class ProjectKeyChange:
    """A change of a project key; None keeps a value."""

    name: str | None = None
    is_active: bool | None = None


class Dsn:
    """The DSN of a project key, which contains the URL of this server: that depends on the request.

    Reads return it, and the view calls `render`. It is no dataclass: orjson would write one as an object.
    """

    __slots__ = ("project_id", "public_key")

    def __init__(self, public_key: str, project_id: int) -> None:
        self.public_key, self.project_id = public_key, project_id

    def render(self, base_url: str) -> str:
        """Return the DSN, such as `https://0123...@releases.example.com/1`.

        `base_url` has a scheme, a host, and the prefix of all paths, without a slash at the end.
        """
        return build_dsn(base_url, self.public_key, self.project_id)


_name = text(max=64, null=True, blank=True)
_read_new = record({"name": _name})
_read_change = record({"name": text(max=64), "is_active": boolean()})


def generate_public_key() -> str:
    """Return a new public key: 32 hex digits."""
    return secrets.token_hex(16)


def build_dsn(base_url: str, public_key: str, project_id: int, secret: str | None = None) -> str:
    """Return a DSN. SDKs before 2018 also need a secret, which is accepted and not checked."""
    scheme, _, place = base_url.partition("://")
    user = public_key if secret is None else f"{public_key}:{secret}"
    return f"{scheme}://{user}@{place}/{project_id}"


def parse_new_project_key(raw: Any) -> str:
    """Read the name of a new project key. Raises InvalidInput."""
    return read(_read_new, raw).get("name") or DEFAULT_KEY_NAME


def parse_project_key_change(raw: Any) -> ProjectKeyChange:
    """Read a change of a project key. Raises InvalidInput."""
    return ProjectKeyChange(**read(_read_change, raw))
