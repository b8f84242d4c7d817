"""What both floors share: a raw ASGI application that knows the items by name, a token's check, and the answers' forms.

A floor is the practical limit of what a server in Python can do: it does what an item needs and nothing else. It reads no
GraphQL and checks no input, but it asks for the token's life, pages by cursor and tells whether there is more.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import gc
import hashlib
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import parse_qs

import orjson
import uvicorn
import uvloop

Handler = Callable[[Any], Awaitable[bytes]]
PATTERN = re.compile(r"(.+)@((\d+)\.(\d+)\.(\d+)\+(\d+))")
"""As much of a version's grammar as the benchmark's versions need."""
PLAIN = [(b"content-type", b"application/json")]
DATES_WITH_Z = orjson.OPT_UTC_Z
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Floor(Protocol):
    """The items, answered by one database."""

    async def authenticate(self, digest: bytes) -> bool: ...
    async def q1(self, variables: Any) -> bytes: ...
    async def q2(self, variables: Any) -> bytes: ...
    async def q3(self, variables: Any) -> bytes: ...
    async def s1(self, variables: Any) -> bytes: ...
    async def m1(self, variables: Any) -> bytes: ...
    async def m2(self, body: Any) -> bytes: ...
    async def r1(self, size: int) -> tuple[Any, bool, str]: ...


def release_id(number: int) -> str:
    """Spell a release's global id."""
    return base64.b64encode(b"Release:%d" % number).decode()


def cursor(field: str, key: str, number: int) -> str:
    """Spell a place in a list."""
    return base64.urlsafe_b64encode(orjson.dumps([1, field, key, number])).decode()


def place(text: str) -> tuple[str, int]:
    """Read a place in a list: its sort key and its row."""
    _, _, key, number = orjson.loads(base64.urlsafe_b64decode(text))
    return key, number


def microseconds(date: str | datetime) -> int:
    """Spell a date as a REST cursor does: microseconds since 1970."""
    moment = datetime.fromisoformat(date) if isinstance(date, str) else date
    return round((moment - EPOCH).total_seconds() * 1_000_000)


def read_version(version: str) -> tuple[str, ...]:
    """Give package, raw, major, minor, patch, build, description and the sort key."""
    result = PATTERN.fullmatch(version)
    assert result
    package, raw, *numbers, build = result.groups()
    key = "".join(chr(97 + len(n)) + n for n in (*numbers, "0")) + "~"
    return package, raw, *numbers, build, f"{'.'.join(numbers)} ({build})", key


def answer_list(info: dict[str, Any], nodes: Any) -> bytes:
    """Write a page of an organization's releases."""
    return orjson.dumps({"data": {"organization": {"releases": {"pageInfo": info, "nodes": nodes}}}}, option=DATES_WITH_Z)


def answer_creation(number: int, version: str, count: int) -> bytes:
    """Write what a creation answers over GraphQL."""
    release = {"id": release_id(number), "version": version, "commitCount": count}
    return orjson.dumps({"data": {"createRelease": {"outcome": "CREATED", "release": release, "userErrors": []}}})


def application(floor: Floor) -> Any:
    """Make the ASGI application of a floor."""
    named: dict[str, Handler] = {"Q1": floor.q1, "Q2": floor.q2, "Q3": floor.q3, "S1": floor.s1, "M1": floor.m1}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        status, headers = 200, PLAIN
        if not await floor.authenticate(digest_of(_authorization(scope["headers"]))):
            status, answer = 401, b"{}"
        elif scope["method"] == "GET":
            size = int(parse_qs(scope["query_string"])[b"per_page"][0])
            nodes, more, end = await floor.r1(size)
            headers, answer = [*PLAIN, (b"link", _link(scope, size, more, end))], orjson.dumps(nodes, option=DATES_WITH_Z)
        else:
            message = await receive()
            body = message["body"]
            while message["more_body"]:
                message = await receive()
                body += message["body"]
            request_body = orjson.loads(body)
            if "operationName" in request_body:
                answer = await named[request_body["operationName"]](request_body["variables"])
            else:
                request_body["organization"] = scope["path"].split("/")[4]
                status, answer = 201, await floor.m2(request_body)
        await send({
            "type": "http.response.start", "status": status, "headers": [*headers, (b"content-length", b"%d" % len(answer))],
        })  # fmt: skip
        await send({"type": "http.response.body", "body": answer})

    return app


def _authorization(headers: Any) -> bytes:
    for name, value in headers:
        if name == b"authorization":
            return bytes(value)
    return b""


@lru_cache(maxsize=1024)
def digest_of(authorization: bytes) -> bytes:
    """Give the digest by which a token is looked up."""
    return hashlib.sha256(authorization.removeprefix(b"Bearer ")).digest()


def _link(scope: Any, size: int, more: bool, end: str) -> bytes:
    host = next(value for name, value in scope["headers"] if name == b"host").decode()
    url, after = f"<http://{host}{scope['path']}?per_page={size}&cursor=", f"{end}:0"
    return (
        f'{url}{size}:-1:1>; rel="previous"; results="false"; cursor="{size}:-1:1", '
        f'{url}{after}>; rel="next"; results="{str(more).lower()}"; cursor="{after}"'
    ).encode()


def serve(app: Any, port: int) -> Any:
    """Give the server of an application, to be awaited: the fastest loop and parser, nothing added to answers."""
    config = uvicorn.Config(
        app, port=port, http="httptools", loop="uvloop", lifespan="off", ws="none", access_log=False, log_level="warning",
        server_header=False, date_header=False, proxy_headers=False,
    )  # fmt: skip
    return uvicorn.Server(config).serve()


def main(open_floor: Callable[[str], Awaitable[Floor]]) -> None:
    """Serve a floor over the store that the command line names."""
    ask = argparse.ArgumentParser()
    ask.add_argument("--url", required=True)
    ask.add_argument("--port", type=int, required=True)
    options = ask.parse_args()

    async def run() -> None:
        gc.freeze()
        gc.set_threshold(50_000)  # requests make no cycles: looking for some is waste
        await serve(application(await open_floor(options.url)), options.port)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
