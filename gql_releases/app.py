"""The composition root: the only module that imports every layer."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gql_releases.auth.authenticator import Authenticator
from gql_releases.auth.token_service import TokenService
from gql_releases.blobs.archive import Archive
from gql_releases.blobs.bundle import BundleReader, read_contents, read_file
from gql_releases.blobs.file_reader import NoStoredFiles, StoredFileReader
from gql_releases.domain.cache_budget import BUDGET
from gql_releases.domain.events.event_batch import NewRows
from gql_releases.event_storage import build_retention
from gql_releases.file_storage import build_collector, open_files
from gql_releases.forwarding.sender import Sender
from gql_releases.forwarding.token_encryption import TokenCipher
from gql_releases.graphql_api.execution.operations import OperationCache
from gql_releases.graphql_api.execution.services import Services as GraphQLServices
from gql_releases.graphql_api.execution.strawberry_adapter import core_schema
from gql_releases.graphql_api.execution.trusted_documents import TrustedDocuments, read_documents
from gql_releases.graphql_api.execution.view import EndpointSettings, GraphQLView
from gql_releases.graphql_api.schema.build import build_schema, print_sdl
from gql_releases.ingest.endpoint import IngestApi
from gql_releases.rest_api.engine.router import RestApi
from gql_releases.rest_api.engine.services import Services as RestServices
from gql_releases.rest_api.loader import FIELD_NAMES, QUERY_PARAMETERS, ROUTES, SLASH_OPTIONAL
from gql_releases.services.artifact_bundles import ArtifactBundleService
from gql_releases.services.assemblies import Assembler
from gql_releases.services.chunk_uploads import ChunkUploadService
from gql_releases.services.debug_files import DebugFileService
from gql_releases.services.deploys import DeployService
from gql_releases.services.environments import EnvironmentService
from gql_releases.services.event_retention import EventRetention
from gql_releases.services.event_symbolication import EventSymbolicationService
from gql_releases.services.file_deletions import FileDeletionService
from gql_releases.services.file_quota import FileQuota
from gql_releases.services.file_readiness import FileReadiness
from gql_releases.services.files import FileServices
from gql_releases.services.ingest import IngestService
from gql_releases.services.issues import IssueService
from gql_releases.services.native_symbolication import NativeSymbolicationService
from gql_releases.services.project_keys import ProjectKeyService
from gql_releases.services.projects import ProjectService
from gql_releases.services.reads import ReadService
from gql_releases.services.release_files import ReleaseFileService
from gql_releases.services.releases import ReleaseService
from gql_releases.services.repositories import RepositoryService
from gql_releases.services.symbolication import SymbolicationService
from gql_releases.settings import Settings
from gql_releases.startup_checks import check_program
from gql_releases.storage.engine.observed_database import Observer
from gql_releases.storage.store import Store, open_store
from gql_releases.symbolication.worker_pool import WorkerPool, symbolic_is_installed
from gql_releases.web.connections import ConnectionTable, Limits, connection_limit, raise_file_limit
from gql_releases.web.cors import Cors
from gql_releases.web.dispatcher import Dispatcher, IngestDispatcher
from gql_releases.web.health import Probes
from gql_releases.web.home import Endpoint, home_routes
from gql_releases.web.hosts import BaseUrls
from gql_releases.web.http import TEXT, send
from gql_releases.web.large_bodies import run_in_thread
from gql_releases.web.middleware import CommonHeaders
from gql_releases.web.proxies import TrustedProxies
from gql_releases.web.rate_limit import RateLimit, RefusalLimit
from gql_releases.web.recorder import Recorder
from gql_releases.web.request_log import RequestLog
from gql_releases.web.static_pages import graphiql_routes, show_graphiql
from gql_releases.web.tracing import set_up_tracing
from gql_releases.web.unavailable_log import UnavailableLog

if TYPE_CHECKING:
    from strawberry import Schema

    from gql_releases.web.metrics import Metrics

VERSION = version("gql-releases")
RATE_HEADERS = ("X-Sentry-Rate-Limit-Limit", "X-Sentry-Rate-Limit-Remaining", "X-Sentry-Rate-Limit-Reset")
EXPOSED_HEADERS = (
    "Link",
    "X-Hits",
    "X-Max-Hits",
    "Retry-After",
    "X-Sentry-Error",
    "X-Request-ID",
    "Endpoint",
    *RATE_HEADERS,
)
GC_THRESHOLD = 20_000
"""New objects between two runs of the garbage collector; every third run also examines the objects that survived one.

No thread runs meanwhile: about 100 ms for 200,000 objects.
"""


def _graphql_services(
    store: Store,
    reads: ReadService,
    releases: ReleaseService,
    deploys: DeployService,
    project_keys: ProjectKeyService,
    issues: IssueService,
    symbolication: SymbolicationService,
    native: NativeSymbolicationService,
) -> GraphQLServices:
    return GraphQLServices(
        reads,
        releases,
        deploys,
        issues,
        ProjectService(store.projects),
        project_keys,
        RepositoryService(store.repositories),
        EnvironmentService(store.environments),
        TokenService(store.tokens),
        symbolication,
        native,
        FileDeletionService(store.release_files, store.artifact_bundles, store.debug_files),
    )


def create_app(settings: Settings, store: Store | None = None, on_shutdown: Callable[[], object] = lambda: None) -> ASGIApp:
    """Create the application with the settings' store, or an open one. Raises Unavailable if it cannot be opened.

    Trusted documents are planned now: raises ValueError for a document that is invalid in the schema, and for settings of
    files that are not valid.
    """
    metrics, tracing = _load_metrics(settings), set_up_tracing(VERSION)
    observers = [observer for observer in (metrics, tracing) if observer]
    store = store or _open_store(settings, observers)
    BUDGET.limit = settings.cache_bytes
    authenticator = Authenticator(store.tokens)
    reads = ReadService(store)
    releases = ReleaseService(store.releases, create_projects=settings.create_projects)
    schema = build_schema()
    check_program(core_schema(schema))
    deploys = DeployService(store.deploys)
    workers = WorkerPool()
    files = build_file_services(settings, store, workers)
    symbolication = _build_symbolication(store, files, workers)
    native = NativeSymbolicationService(store.symbolication_lookup, files.debug_files if files else None, workers)
    project_keys = ProjectKeyService(store.project_keys)
    issues = IssueService(store.issues, store.events)
    services = _graphql_services(store, reads, releases, deploys, project_keys, issues, symbolication, native)
    limit, url = settings.max_body_size, settings.public_url
    operations, trusted = OperationCache(core_schema(schema)), _load_trusted_documents(settings)
    operations.prepare_all(trusted.documents)
    rates = RateLimit(settings.rate_limit)
    rules = EndpointSettings(
        limit, min(limit, settings.max_anonymous_body_size), settings.max_cost, settings.draft_status, settings.public_schema
    )
    proxies = TrustedProxies(settings.trusted_proxies)
    log = _build_log(settings, proxies)
    refusals = RefusalLimit(settings.refusal_limit, proxies) if proxies.is_configured else None
    base_urls = BaseUrls(url, proxies)
    graphql = GraphQLView(operations, trusted, services, authenticator, show_graphiql, rules, rates, base_urls, refusals)
    rest_services = RestServices(reads, releases, deploys, project_keys, issues, files)
    rest = RestApi(
        ROUTES, QUERY_PARAMETERS, FIELD_NAMES, rest_services, authenticator, limit, base_urls, rates, refusals,
        SLASH_OPTIONAL,
    )  # fmt: skip
    sender = Sender(store.outbox, token_cipher(settings), settings.forward_timeout)
    ingest, event_frames = _build_ingest(settings, store, files, symbolication)
    retention = build_retention(settings, store)
    close = [event_frames.close, ingest.close, symbolication.close, *([files.close] if files else []), workers.close]
    close_tracing = tracing.close if tracing else None
    lifespan = _build_lifespan(store, sender, files, retention, close, metrics, log, on_shutdown, close_tracing)

    probes = Probes(partial(_find_obstacles, store, files), VERSION)
    routes = _page_routes(probes, schema if settings.public_schema else None)
    pages = Starlette(routes=routes, middleware=[Middleware(CommonHeaders)], lifespan=lifespan)
    pages.router.redirect_slashes = False
    dispatcher: ASGIApp = Dispatcher(graphql, rest, pages, _list_probes(probes, metrics))
    apis = Cors(dispatcher, settings.cors_origins, EXPOSED_HEADERS) if settings.cors_origins else dispatcher
    app = IngestDispatcher(IngestApi(ingest, ingest), apis)
    notes = [UnavailableLog().note, *([metrics.note] if metrics else [])]
    return Recorder(tracing.wrap(app) if tracing else app, log, notes)


async def _find_obstacles(store: Store, files: FileServices | None) -> list[str]:
    """Return the reasons why requests cannot be answered at the moment."""
    obstacles = await store.find_obstacles()
    return [*obstacles, *await files.readiness.find_obstacles()] if files else obstacles


def _build_lifespan(
    store: Store,
    sender: Sender,
    files: FileServices | None,
    retention: EventRetention,
    close_files: Sequence[Callable[[], Awaitable[None]]],
    metrics: Metrics | None,
    log: RequestLog,
    on_shutdown: Callable[[], object],
    close_tracing: Callable[[], object] | None,
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Return what starts the background work of a process, and ends it and closes the store."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        # Objects of the start-up are never freed: the collector need not examine them again. A response is built of
        # thousands of objects without cycles: examining them meanwhile is a tenth of the work.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD, 2, 10)
        sender.start()
        if files:
            files.start()
        retention.start()
        if metrics:
            metrics.start(store.usage, store.outbox.count_unsent)
        yield
        on_shutdown()
        await sender.stop()
        await retention.close()
        for close in close_files:
            await close()
        if metrics:
            await metrics.stop()
        log.flush()
        await store.close()
        if close_tracing:
            close_tracing()

    return lifespan


def _build_log(settings: Settings, proxies: TrustedProxies) -> RequestLog:
    find_client = proxies.client_address if proxies.is_configured else None
    return RequestLog("gql_releases.requests", settings.log_format, find_client)


def _list_probes(probes: Probes, metrics: Metrics | None) -> dict[str, ASGIApp]:
    """Return the applications of probes and metrics, by path."""
    return {"/healthz": probes, "/readyz": probes, **({"/metrics": metrics} if metrics else {})}


def _open_store(settings: Settings, observers: Sequence[Observer]) -> Store:
    url, size, wait = settings.database_url, settings.pool_size, settings.pool_seconds
    return open_store(url, size, wait, settings.read_timeout, observers)


def _build_symbolication(store: Store, files: FileServices | None, workers: WorkerPool) -> SymbolicationService:
    reader = StoredFileReader(files.blobs) if files else NoStoredFiles()
    return SymbolicationService(store.symbolication_lookup, reader, workers)


def _build_ingest(
    settings: Settings, store: Store, files: FileServices | None, symbolication: SymbolicationService
) -> tuple[IngestService, EventSymbolicationService]:
    new_rows = NewRows(settings.events_max_releases, settings.events_max_environments, settings.events_max_issues)
    event_frames = EventSymbolicationService(
        symbolication, store.symbolication_lookup, is_installed=files is not None and symbolic_is_installed()
    )
    return IngestService(store.events, settings.events_quota, event_frames, limits=new_rows), event_frames


def build_file_services(settings: Settings, store: Store, workers: WorkerPool) -> FileServices | None:
    """Return all services of files, None if there is no storage for them. Raises ValueError for settings of it."""
    blobs = open_files(settings)
    if blobs is None:
        return None
    max_size = settings.max_file_size
    assembler = Assembler(store.assemblies, blobs, max_size)
    read = partial(read_contents, max_file_size=max_size)
    bundles = ArtifactBundleService(store.artifact_bundles, store.artifact_lookup, blobs, assembler, read, read_file)
    open_archive = partial(Archive, max_file_size=max_size)
    quota = FileQuota(store.file_usage, settings.files_quota)
    debug_files = DebugFileService(store.debug_files, blobs, workers, assembler, open_archive, symbolic_is_installed, quota)
    chunk_uploads = ChunkUploadService(store.chunks, blobs, max_size, quota)
    collector = build_collector(settings, store, blobs)
    open_bundle = partial(BundleReader, max_file_size=max_size)
    release_files = ReleaseFileService(store.release_files, blobs, assembler, open_bundle, max_size, quota)
    readiness = FileReadiness(blobs)
    return FileServices(blobs, assembler, chunk_uploads, bundles, debug_files, release_files, quota, collector, readiness)


def _load_metrics(settings: Settings) -> Metrics | None:
    """Return the metrics if they are on; importing their package costs memory and time at the start."""
    if not settings.metrics:
        return None
    from gql_releases.web.metrics import Metrics

    return Metrics(VERSION)


def _page_routes(probes: Probes, schema: Schema | None) -> list[BaseRoute]:
    """Return the routes outside of both APIs: the start page, documentation, GraphiQL's files, the schema.

    The schema is printed at the first request for it: printing takes a tenth of a second of each process's start.
    """

    async def show_sdl(scope: Scope, receive: Receive, send_: Send) -> None:
        assert schema
        await send(send_, 200, (await run_in_thread(print_sdl, schema)).encode(), content_type=TEXT)

    routes = [*home_routes(VERSION, probes.check), *graphiql_routes()]
    return routes if schema is None else [Route("/schema.graphql", Endpoint(show_sdl), methods=["GET"]), *routes]


def build_connections(settings: Settings) -> ConnectionTable:
    """Return the table of a process's connections, after raising its limit of open files to the hard limit."""
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


def token_cipher(settings: Settings) -> TokenCipher | None:
    """Return the cipher of upstreams' tokens, if the settings have a secret for it."""
    return TokenCipher(settings.secret_key.get_secret_value()) if settings.secret_key else None


def _load_trusted_documents(settings: Settings) -> TrustedDocuments:
    documents = read_documents(settings.trusted_documents) if settings.trusted_documents else {}
    return TrustedDocuments(documents, only=settings.trusted_only)
