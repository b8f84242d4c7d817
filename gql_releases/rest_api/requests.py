"""A REST request, as handlers get it, and what they answer with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gql_releases.domain.principal import Principal
from gql_releases.rest_api.services import Services


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose sender is known. `path` are the decoded variable segments, `raw_path` is as it came."""

    services: Services
    principal: Principal
    path: tuple[str, ...]
    parameters: dict[str, list[str]]
    body: Any
    origin: str
    raw_path: str
    query: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a JSON value (None: no body), headers."""

    status: int
    value: Any = None
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
