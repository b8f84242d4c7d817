"""Requests and responses of the REST API's handlers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from gql_releases.domain.principal import Principal
from gql_releases.domain.release import Outcome
from gql_releases.rest_api.engine.services import Services
from gql_releases.web.body_streams import BodyStream

STATUS_BY_OUTCOME = {Outcome.CREATED: 201, Outcome.EXTENDED: 201, Outcome.EXISTING: 208}
"""Outcome of a creation -> status."""


@dataclass(frozen=True, slots=True)
class Request:
    """An authenticated request. `path` has the decoded variable segments, `raw_path` the path as it was sent.

    `base_url` is the URL of the root of this application: the origin and the prefix of all paths.

    `body` is the JSON value of a POST or PUT (a `large` one is parsed in a thread); for a StreamingHandler a BodyStream.
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
    base_url: str
    large: bool = False

    def last(self, name: str, default: str = "") -> str:
        """Return the last value of a query parameter."""
        return self.parameters.get(name, [default])[-1]

    @property
    def stream(self) -> BodyStream:
        """The body of a request that a StreamingHandler handles."""
        assert isinstance(self.body, BodyStream)
        return self.body

    @property
    def own_organization(self) -> tuple[tuple[str, int]]:
        """The condition of a read of the token's organization."""
        return (("id", self.principal.organization_id),)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: status, value and headers. The value is JSON, None (no body), bytes (plain text) or a StreamedBody."""

    status: int
    value: Any = None
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


Handler: TypeAlias = Callable[[Request], Awaitable[Answer]]


class Refused(Exception):
    """Ends a request with a response that is not of its handler."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def not_found() -> Refused:
    """Return the refusal (404) of a resource that does not exist."""
    return Refused(Answer(404, {"detail": "The requested resource does not exist"}))
