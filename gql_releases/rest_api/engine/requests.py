"""A REST request, as handlers get it, and what they answer with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gql_releases.domain.principal import Principal
from gql_releases.domain.release import (
    Outcome,
)
from gql_releases.rest_api.engine.services import Services


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose sender is known. `path` are the decoded variable segments, `raw_path` is as it came.

    A `large` body is read in a thread.
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
        """Give the last value of a query parameter."""
        return self.parameters.get(name, [default])[-1]

    @property
    def own_organization(self) -> tuple[tuple[str, int]]:
        """The condition of a read that begins at the sender's organization."""
        return (("id", self.principal.organization_id),)


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a JSON value (None: no body; bytes: plain text), headers."""

    status: int
    value: Any = None
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


class Refused(Exception):
    """A request that ends here."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def not_found() -> Refused:
    """Make the refusal of something that is not there."""
    return Refused(Answer(404, {"detail": "The requested resource does not exist"}))


STATUS_BY_OUTCOME = {Outcome.CREATED: 201, Outcome.EXTENDED: 201, Outcome.EXISTING: 208}
