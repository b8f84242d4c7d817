"""Plain Strawberry, well made: the items' part of the schema with resolvers, ORM rows loaded in batches, documents parsed once.

The naive schema of tests/oracle reads every release of an organization for a page, which no store of some thousand stands: here
each list is one statement for all parents.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
from pathlib import Path
from typing import Any

import orjson
import strawberry
import uvloop
from sqlmodel import select
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache

from gql_releases.storage.schema.tables.token import TokenRow

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.floor_http import serve
from benchmarks.plain_schema import Mutation, Query
from benchmarks.plain_store import Loaders, Store
from gql_releases.auth.token_format import digest_token


class App(GraphQL[dict[str, Any], None]):
    """The schema over HTTP, with a token."""

    def __init__(self, store: Store) -> None:
        caches: list[Any] = [ParserCache(), ValidationCache()]  # of all requests, where a class would be built for each
        super().__init__(strawberry.Schema(Query, Mutation, extensions=caches))
        self._store = store

    async def get_context(self, request: Any, response: Any) -> dict[str, Any]:
        digest = digest_token(request.headers["authorization"].removeprefix("Bearer "))
        body = select(TokenRow.organization_id).where(TokenRow.digest == digest, TokenRow.revoked_at.is_(None))
        ((owner,),) = await self._store.all(body)
        return {"owner": owner, "loaders": Loaders(self._store)}

    def encode_json(self, data: Any) -> bytes:
        return orjson.dumps(data)


if __name__ == "__main__":
    ask = argparse.ArgumentParser()
    ask.add_argument("--url", required=True)
    ask.add_argument("--port", type=int, required=True)
    said = ask.parse_args()
    gc.freeze()
    gc.set_threshold(50_000)  # as the floor does: looking for cycles among a page's objects is half of the work otherwise
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(App(Store(said.url)), said.port))
