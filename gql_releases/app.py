"""The composition root: the only module that knows every row of the house."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gql_releases.auth.authenticator import Authenticator
from gql_releases.auth.minting import Mint
from gql_releases.domain.cache_budget import BUDGET
from gql_releases.domain.errors import Unavailable
from gql_releases.forwarding.sealing import Seal
from gql_releases.forwarding.sending import Sender
from gql_releases.graphql_api.checking import check_schema
from gql_releases.graphql_api.preparing import Preparer
from gql_releases.graphql_api.schema import build_schema, core, print_sdl
from gql_releases.graphql_api.services import Services as GraphQLServices
from gql_releases.graphql_api.trusted import TrustedDocuments, read_documents
from gql_releases.graphql_api.view import GraphQLView, Rules
from gql_releases.rest_api.routes import RestApi
from gql_releases.rest_api.services import Services as RestServices
from gql_releases.services.deploys import DeployService
from gql_releases.services.inventory import InventoryService
from gql_releases.services.reading import ReadService
from gql_releases.services.releases import ReleaseService
from gql_releases.settings import Settings
from gql_releases.storage.reading.catalogue import readable
from gql_releases.storage.store import Store, open_store
from gql_releases.web.connections import ConnectionTable, Limits, connection_limit, raise_file_limit
from gql_releases.web.cors import Cors
from gql_releases.web.explorer import explorer_page, explorer_routes
from gql_releases.web.front import Front
from gql_releases.web.home import Endpoint, home_routes
from gql_releases.web.http import TEXT, send
from gql_releases.web.middleware import CommonHeaders
from gql_releases.web.proxies import TrustedProxies
from gql_releases.web.rates import RateLimit, RefusalLimit
from gql_releases.web.recorder import Recorder
from gql_releases.web.request_log import RequestLog

RATE_HEADERS = ("X-Sentry-Rate-Limit-Limit", "X-Sentry-Rate-Limit-Remaining", "X-Sentry-Rate-Limit-Reset")
EXPOSED = ("Link", "X-Hits", "X-Max-Hits", "Retry-After", "X-Sentry-Error", "X-Request-ID", "Endpoint", *RATE_HEADERS)
COLLECT_AFTER = 50_000
"""New objects after which the collector looks for cycles."""


def create_app(settings: Settings, store: Store | None = None, on_shutdown: Callable[[], object] = lambda: None) -> ASGIApp:
    """Put the house together over the settings' store, or an open one. Raises Unavailable where it cannot be opened.

    Trusted documents are planned now: raises ValueError for one that the schema does not fit.
    """
    store = store or open_store(settings.database_url, settings.pool_size, settings.pool_seconds, settings.read_timeout)
    BUDGET.limit = settings.cache_bytes
    authenticator = Authenticator(store.tokens)
    reads = ReadService(store)
    releases = ReleaseService(store.releases, create_projects=settings.create_projects)
    schema = build_schema()
    check_schema(core(schema), readable())
    deploys = DeployService(store.deploys)
    services = GraphQLServices(reads, releases, deploys, InventoryService(store.inventory), Mint(store.tokens))
    limit = settings.max_body_size
    preparer, trusted = Preparer(core(schema)), _trusted(settings)
    preparer.prepare_all(trusted.documents)
    rates = RateLimit(settings.rate_limit)
    rules = Rules(
        limit, min(limit, settings.max_anonymous_body_size), settings.max_cost, settings.draft_status, settings.public_schema
    )
    log = RequestLog("gql_releases.requests", settings.log_format)
    proxies = TrustedProxies(settings.trusted_proxies)
    refusals = RefusalLimit(settings.refusal_limit, proxies) if proxies.is_configured else None
    graphql = GraphQLView(preparer, trusted, services, authenticator, explorer_page, rules, rates, refusals)
    rest_services = RestServices(reads, releases, deploys)
    rest = RestApi(rest_services, authenticator, limit, settings.public_url, rates, proxies, refusals)
    sender = Sender(store.outbox, seal_of(settings), settings.forward_timeout)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        # What lives from start-up on never dies: the collector need not look at it again. An answer is made of thousands
        # of objects in no cycle: looking at them while it is made is a tenth of the work.
        gc.collect()
        gc.freeze()
        gc.set_threshold(COLLECT_AFTER, 10, 10)
        sender.start()
        yield
        on_shutdown()
        await sender.stop()
        log.flush()
        await store.close()

    routes = _page_routes(store, print_sdl(schema).encode() if settings.public_schema else None)
    pages = Starlette(routes=routes, middleware=[Middleware(CommonHeaders)], lifespan=lifespan)
    pages.router.redirect_slashes = False
    front = Front(graphql, rest, pages)
    return Recorder(Cors(front, settings.cors_origins, EXPOSED) if settings.cors_origins else front, log)


def _page_routes(store: Store, sdl: bytes | None) -> list[BaseRoute]:
    """Return the routes of what belongs to neither API: the start page, documentation, GraphiQL's files, the schema."""

    async def check() -> str | None:
        try:
            await store.ping()
        except Unavailable as error:
            return error.message
        return None

    async def show_sdl(scope: Scope, receive: Receive, send_: Send) -> None:
        await send(send_, 200, sdl or b"", content_type=TEXT)

    routes = [*home_routes(version("gql-releases"), check), *explorer_routes()]
    return routes if sdl is None else [Route("/schema.graphql", Endpoint(show_sdl), methods=["GET"]), *routes]


def build_connections(settings: Settings) -> ConnectionTable:
    """Return the table of a process's connections. Raises its limit of open files to the hard limit."""
    files = raise_file_limit()
    return ConnectionTable(
        Limits(
            request_line=settings.max_request_line,
            header_bytes=settings.max_header_bytes,
            headers=settings.max_headers,
            header_seconds=settings.header_timeout,
            body_seconds=settings.body_timeout,
            body_rate=settings.body_min_rate,
            rate_seconds=settings.body_rate_window,
            shutdown_seconds=settings.shutdown_timeout,
            connections=settings.max_connections or connection_limit(files, settings.pool_size),
        )
    )


def seal_of(settings: Settings) -> Seal | None:
    """Give the seal on upstreams' tokens, where the settings have a secret for it."""
    return Seal(settings.secret_key.get_secret_value()) if settings.secret_key else None


def _trusted(settings: Settings) -> TrustedDocuments:
    documents = read_documents(settings.trusted_documents) if settings.trusted_documents else {}
    return TrustedDocuments(documents, only=settings.trusted_only)
