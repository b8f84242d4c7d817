"""States of assemblies in responses."""

from __future__ import annotations

from typing import Any

from gql_releases.domain.assembly import AssemblyState, AssemblyStatus


def render_status(status: AssemblyStatus) -> dict[str, Any]:
    """Return the state of an assembly as clients read it."""
    body: dict[str, Any] = {"state": status.state.value, "missingChunks": list(status.missing_chunks)}
    if status.state is not AssemblyState.NOT_FOUND and not status.is_new:
        body["detail"] = status.detail
    return body
