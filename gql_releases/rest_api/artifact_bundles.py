"""Endpoints of artifact bundles.

Source: docs/sentry-contract.md#6-7-assembly.
"""

from __future__ import annotations

from typing import Any

from gql_releases.domain.artifact_bundle import InvalidUpload, parse_bundle_request
from gql_releases.domain.assembly import AssemblyState, AssemblyStatus
from gql_releases.rest_api.engine.json_bodies import read_json_body
from gql_releases.rest_api.engine.requests import Answer, Request
from gql_releases.rest_api.engine.router import ORGANIZATION_PATH, Routes
from gql_releases.rest_api.engine.streaming import StreamingHandler

MAX_JSON_BYTES = 8 * 1024 * 1024


async def assemble_bundle(request: Request) -> Answer:
    """Return the state of a bundle, or begin to assemble it if its chunks are there."""
    service = request.services.require_files().artifact_bundles
    service.require_upload(request.principal, request.path[0])
    try:
        bundle = parse_bundle_request(await read_json_body(request))
        status = await service.assemble(request.principal, request.path[0], bundle)
    except InvalidUpload as error:
        return Answer(400, {"error": str(error)})
    return Answer(200, render_status(status))


def render_status(status: AssemblyStatus) -> dict[str, Any]:
    """Return the state of an assembly as clients read it."""
    body: dict[str, Any] = {"state": status.state.value, "missingChunks": list(status.missing_chunks)}
    if status.state is not AssemblyState.NOT_FOUND and not status.is_new:
        body["detail"] = status.detail
    return body


ROUTES: Routes = {
    (*ORGANIZATION_PATH, "artifactbundle", "assemble"): {"POST": StreamingHandler(assemble_bundle, MAX_JSON_BYTES)}
}
