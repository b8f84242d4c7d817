"""JSON bodies of endpoints of files: they have another response for a broken body than the other endpoints."""

from __future__ import annotations

from typing import Any

from gql_releases.rest_api.engine.requests import Answer, Refused, Request
from gql_releases.rest_api.engine.router import TIMES_AS_MANY_VALUES
from gql_releases.web.http import NotJson, parse_json
from gql_releases.web.large_bodies import LARGE_BODY_BYTES, TooManyValues, parse_large_json, run_in_thread


async def read_json_body(request: Request) -> Any:
    """Return the JSON value of a streamed body, whatever its content type is.

    Raises Refused: 400 if it is no JSON, 413 if it has too many values; and the errors of the body.
    """
    body = b"".join([piece async for piece in request.stream.decode()])
    try:
        if len(body) <= LARGE_BODY_BYTES:
            return parse_json(body)
        return await run_in_thread(parse_large_json, body, TIMES_AS_MANY_VALUES)
    except NotJson:
        raise Refused(Answer(400, {"error": "Invalid json body"})) from None
    except TooManyValues as error:
        raise Refused(Answer(413, {"error": str(error)})) from None
