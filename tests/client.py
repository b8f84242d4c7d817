"""An ASGI client that sends paths and bodies byte by byte as they are given."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Asks an application in this process; one event loop for all requests."""

    def __init__(self, app: ASGIApp, token: str | None = None) -> None:
        self.app, self.token, self.runner = app, token, asyncio.Runner()

    def close(self) -> None:
        self.runner.close()

    def request(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        return self.runner.run(self.send(method, path, body, **more))

    async def send(
        self, method: str, path: str, body: Any = None, *, token: str | None = "", headers: dict[str, str] | None = None
    ) -> Answer:
        sent = {"host": "testserver", **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            sent.setdefault("content-type", "application/json")
            sent.setdefault("content-length", str(len(body)))
        bearer = self.token if token == "" else token
        if bearer:
            sent.setdefault("authorization", f"Bearer {bearer}")
        raw_path, _, query = path.partition("?")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": raw_path, "raw_path": raw_path.encode(), "query_string": query.encode(), "root_path": "",
            "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in sent.items()],
            "client": ("127.0.0.1", 1), "server": ("testserver", 80), "state": {},
        }  # fmt: skip
        messages: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body or b"", "more_body": False}

        async def send(message: Message) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        result = {k.decode(): v.decode("latin-1") for k, v in messages[0]["headers"]}
        return Answer(messages[0]["status"], result, b"".join(m.get("body", b"") for m in messages[1:]))

    def rest(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        return self.request(method, f"/api/0/{path}", body, **more)

    def graphql(self, document: str, variables: Any = None, operation: str | None = None, **more: Any) -> Any:
        body = {"query": document, "variables": variables, "operationName": operation}
        answer = self.request("POST", "/graphql", body, **more).json
        assert all(error["message"] and error["extensions"]["code"] for error in answer.get("errors", ())), answer
        return answer
