"""Requests and responses of the REST API's handlers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gql_releases.domain.principal import Principal
from gql_releases.domain.release import Outcome
from gql_releases.rest_api.engine.services import Services

STATUS_BY_OUTCOME = {Outcome.CREATED: 201, Outcome.EXTENDED: 201, Outcome.EXISTING: 208}
"""Outcome of a creation -> status."""


@dataclass(frozen=True, slots=True)
class Request:
    """An authenticated request. `path` has the decoded variable segments, `raw_path` the path as it was sent.

    A `large` body is parsed in a thread.
    """

    services: Services
    principal: Principal
    path: tuple[str, ...]
    parameters: dict[str, list[str]]
    body: Any
    origin: str
    raw_path: str
    query: str
    user_agent: str
    large: bool = False

    def last(self, name: str, default: str = "") -> str:
        """Return the last value of a query parameter."""
        return self.parameters.get(name, [default])[-1]

    @property
    def own_organization(self) -> tuple[tuple[str, int]]:
        """The condition of a read of the token's organization."""
        return (("id", self.principal.organization_id),)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: status, JSON value (None: no body; bytes: plain text) and headers."""

    status: int
    value: Any = None
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


class Refused(Exception):
    """Ends a request with a response that is not of its handler."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def not_found() -> Refused:
    """Return the refusal (404) of a resource that does not exist."""
    return Refused(Answer(404, {"detail": "The requested resource does not exist"}))
