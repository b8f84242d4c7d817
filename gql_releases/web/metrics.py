"""Metrics in Prometheus' format. Imported only if GQL_RELEASES_METRICS is on.

No label has a value that a client can choose: operations are those of trusted documents, routes are patterns. With several
workers each writes its values to files in a folder that `serve` creates, and the worker that is scraped sums them.
Source: https://prometheus.github.io/client_python/multiprocess/
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import Receive, Scope, Send

from gql_releases.domain.cache_budget import BUDGET
from gql_releases.domain.counters import FALL_BACKS, FILE_COUNTERS, FILE_COUNTS, ITEM_COUNTS, QUEUE_BYTES
from gql_releases.domain.errors import DomainError
from gql_releases.web.health import ALLOW, NO_STORE, READING, send_json
from gql_releases.web.http import COMMON, send
from gql_releases.web.request_record import RequestRecord, current_record

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable in which prometheus-client expects the folder of several processes."""
SAMPLE_SECONDS = 5.0
"""Seconds between two samples of the gauges."""
REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
STATEMENT_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 60.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
FAILED_CODES = frozenset({"INTERNAL", "UNAVAILABLE", "TIMEOUT"})
OTHER = "other"

_open_values: Any = MmapedDict  # which has no types

Samples = Mapping[str, Mapping[str, float]]
"""Name of a gauge of GAUGES -> value of its label -> number."""
Sample = Callable[[], Samples]
CountUnsent = Callable[[], Awaitable[Mapping[str, float]]]

GAUGES = {
    "pool_connections": ("Connections to PostgreSQL of all workers.", "state", "livesum"),
    "pool_waiting": ("Requests that wait for a connection to PostgreSQL.", "", "livesum"),
    "write_queue": ("Writes that wait for their turn on SQLite.", "", "livesum"),
    "event_queue_bytes": ("Bytes of events that wait for their commit, of all workers.", "", "livesum"),
    "cache_entries": ("Entries of a cache, of all workers.", "cache", "livesum"),
    "cache_bytes": ("Bytes of a cache, of all workers, estimated.", "cache", "livesum"),
    "outbox_releases": ("Releases with requests for an upstream, by state.", "state", "livemostrecent"),
}
"""Name -> help, label ("" for none), how the values of several workers are combined."""


class Metrics:
    """All metrics of this process, and the endpoint `/metrics`."""

    def __init__(self, version: str) -> None:
        self._sample: Sample | None = None
        self._count_unsent: CountUnsent | None = None
        self._outbox_counted = -SAMPLE_SECONDS
        self._folder = Path(os.environ[FOLDER_VARIABLE]) if os.environ.get(FOLDER_VARIABLE) else None
        self._registry = CollectorRegistry()
        self._fall_backs_noted: dict[str, int] = {}
        self._files_noted: dict[tuple[str, str], float] = {}
        self._items_noted: dict[tuple[str, str, str], int] = {}
        self._sampling: asyncio.Task[None] | None = None
        request_labels = ["api", "method", "route", "operation"]
        self._requests = self._count("requests", "Requests.", [*request_labels, "status", "outcome"])
        self._errors = self._count("request_errors", "Errors in responses, by code.", ["api", "code"])
        self._bytes = self._count("response_bytes", "Bytes of response bodies.", ["api"])
        self._fall_backs = self._count("fall_backs", "Slower paths taken instead of the usual path.", ["name"])
        self._files = {name: self._count(name, text, [label]) for name, (text, label) in FILE_COUNTERS.items()}
        self._items = self._count(
            "ingest_items", "Items that SDKs sent, or say that they discarded.", ["outcome", "reason", "category"]
        )
        self._seconds = self._time("request_duration_seconds", "From request to response.", request_labels, REQUEST_BUCKETS)
        self._statements = self._time(
            "statement_duration_seconds", "Statements, by name.", ["kind", "name"], STATEMENT_BUCKETS
        )
        self._gauges = {
            name: Gauge(
                f"gql_releases_{name}", text, [label] if label else [], registry=self._registry, multiprocess_mode=mode  # type: ignore[arg-type]
            )
            for name, (text, label, mode) in GAUGES.items()
        }  # fmt: skip
        info = Gauge("gql_releases_info", "The version.", ["version"], registry=self._registry, multiprocess_mode="livemax")
        info.labels(version).set(1)

    def _count(self, name: str, text: str, labels: list[str]) -> Counter:
        return Counter(f"gql_releases_{name}", text, labels, registry=self._registry)

    def _time(self, name: str, text: str, labels: list[str], buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"gql_releases_{name}", text, labels, buckets=buckets, registry=self._registry)

    def start(self, sample: Sample, count_unsent: CountUnsent) -> None:
        """Start sampling on the running loop: `sample` returns the values of this process by the names in GAUGES,
        `count_unsent` the numbers of releases in the outbox, which all processes share."""
        self._sample, self._count_unsent = sample, count_unsent
        self._sampling = asyncio.ensure_future(self._sample_repeatedly())

    async def stop(self) -> None:
        """Stop sampling."""
        if self._sampling:
            self._sampling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sampling

    async def _sample_repeatedly(self) -> None:
        while True:
            self._take_sample()
            await asyncio.sleep(SAMPLE_SECONDS)

    def _take_sample(self) -> None:
        if self._sample:
            self._set(self._sample())
        usage = BUDGET.usage().items()
        self._set({"cache_entries": {name: use.entries for name, use in usage}})
        self._set({"cache_bytes": {name: use.bytes for name, use in usage}})
        self._set({"event_queue_bytes": {"": QUEUE_BYTES["events"]}})
        self._add_fall_backs()
        self._add_files()
        self._add_items()

    async def _sample_outbox(self) -> None:
        """Count the outbox, at most every SAMPLE_SECONDS; if the store is unavailable, the last count stays."""
        moment = time.monotonic()
        if self._count_unsent and moment - self._outbox_counted >= SAMPLE_SECONDS:
            self._outbox_counted = moment
            with contextlib.suppress(DomainError):
                self._set({"outbox_releases": await self._count_unsent()})

    def _set(self, samples: Samples) -> None:
        for name, values in samples.items():
            gauge = self._gauges[name]
            for label, value in values.items():
                (gauge.labels(label) if label else gauge).set(value)

    def _add_fall_backs(self) -> None:
        for name, count in list(FALL_BACKS.items()):
            self._fall_backs.labels(name).inc(count - self._fall_backs_noted.get(name, 0))
            self._fall_backs_noted[name] = count

    def _add_files(self) -> None:
        for key, count in list(FILE_COUNTS.items()):
            name, label = key
            self._files[name].labels(label).inc(count - self._files_noted.get(key, 0))
            self._files_noted[key] = count

    def _add_items(self) -> None:
        for key, count in list(ITEM_COUNTS.items()):
            self._items.labels(*key).inc(count - self._items_noted.get(key, 0))
            self._items_noted[key] = count

    def note(self, record: RequestRecord) -> None:
        """Count a request that has ended."""
        if record.is_probe:
            return
        method = record.scope["method"]
        operation = ""
        if record.api == "graphql":
            operation = (record.is_trusted and record.operation) or OTHER
        labels = (record.api, method if method in METHODS else OTHER, record.route or OTHER, operation)
        codes = record.codes
        failed = record.status >= 500 or not FAILED_CODES.isdisjoint(codes)
        outcome = "failed" if failed else "refused" if codes else "ok"
        self._requests.labels(*labels, record.status, outcome).inc()
        self._seconds.labels(*labels).observe(record.seconds)
        self._bytes.labels(record.api).inc(record.size)
        for code in codes:
            self._errors.labels(record.api, code).inc()

    def current_context(self) -> Any:
        """Return None: counting a statement needs no context."""

    def note_statement(self, kind: str, name: str, sql: str, seconds: float, context: Any) -> None:
        """Count a statement."""
        self._statements.labels(kind, name).observe(seconds)

    async def __call__(self, scope: Scope, receive: Receive, send_: Send) -> None:
        """Respond with the metrics of all workers."""
        record = current_record()
        record.is_probe, record.route = True, "/metrics"
        if scope["method"] not in READING:
            await send_json(send_, 405, {"detail": f'Method "{scope["method"]}" not allowed.'}, [ALLOW])
            return
        self._take_sample()
        await self._sample_outbox()
        text = await asyncio.to_thread(self._render)
        await send(send_, 200, text, [*COMMON, NO_STORE], CONTENT_TYPE_LATEST.encode())

    def _render(self) -> bytes:
        if self._folder is None:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, str(self._folder))  # type: ignore[no-untyped-call]
        with _lock(self._folder):
            merge_dead_workers(self._folder)
            return generate_latest(registry)


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold the lock that keeps other workers from merging the files."""
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def merge_dead_workers(folder: Path) -> None:
    """Add the counters of workers that have ended to one file for each kind, and delete their gauges.

    Without this each restart of a worker leaves files behind.
    """
    for file in folder.glob("*.db"):
        kind, pid = file.stem.split("_")[0], file.stem.rpartition("_")[2]
        if not pid.isdigit() or _is_alive(int(pid)):
            continue
        if kind != "gauge":
            ended: Any = _open_values(str(folder / f"{kind}_ended.db"))
            for key, value, moment, _ in _open_values.read_all_values_from_file(str(file)):
                ended.write_value(key, ended.read_value(key)[0] + value, moment)
            ended.close()
        file.unlink()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
