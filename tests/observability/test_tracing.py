"""OpenTelemetry: one span for each request and statement if configured; no spans and no imports otherwise."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gql_releases import app as composition
from gql_releases.settings import Settings
from gql_releases.web.tracing import Tracing, set_up_tracing
from tests.client import Client
from tests.conftest import Template
from tests.factories import release

sdk = pytest.importorskip("opentelemetry.sdk.trace")
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Spans:
    """An application whose spans are recorded."""

    def __init__(self, template: Template, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        self.exporter = InMemorySpanExporter()
        provider = sdk.TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        monkeypatch.setattr(composition, "set_up_tracing", lambda version: Tracing(provider, version))
        url = template.databases.copy(template.url, folder)
        app = composition.create_app(Settings(database_url=url))
        self.client = Client(app, template.tokens["acme"])
        pages = app._app.__closure__[0].cell_contents._others._pages  # type: ignore[attr-defined]
        self._lifespan = pages.router.lifespan_context(pages)
        self.client.runner.run(self._lifespan.__aenter__())

    def close(self) -> None:
        self.client.runner.run(self._lifespan.__aexit__(None, None, None))
        self.client.close()

    def take(self) -> list[Any]:
        spans = list(self.exporter.get_finished_spans())
        self.exporter.clear()
        return spans


@pytest.fixture
def spans(template: Template, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    spans = Spans(template, tmp_path, monkeypatch)
    yield spans
    spans.close()


def test_request_and_its_statements_are_spans_below_the_callers(spans: Spans) -> None:
    path = "/api/0/organizations/acme/releases/"
    headers = {"traceparent": PARENT, "x-request-id": "r1"}
    assert spans.client.request("POST", path, release("1"), headers=headers).status == 201
    finished_spans = spans.take()
    (request,) = [span for span in finished_spans if span.name == "POST /api/0/organizations/{org}/releases/"]
    statements = [
        span
        for span in finished_spans
        if "db.query.text" in span.attributes and span.context.trace_id == request.context.trace_id
    ]
    assert f"{request.context.trace_id:032x}" == PARENT.split("-")[1]
    assert f"{request.parent.span_id:016x}" == PARENT.split("-")[2]
    assert request.attributes["http.response.status_code"] == 201
    assert request.attributes["http.request.header.x-request-id"] == "r1"
    assert statements
    for statement in statements:
        assert statement.parent.span_id == request.context.span_id
        assert statement.start_time <= statement.end_time
        assert statement.name == statement.attributes["db.query.summary"]
    inserts = [span for span in statements if "INSERT INTO releases" in span.attributes["db.query.text"]]
    assert [span.name for span in inserts] == ["batch of releases.insert"]
    assert "web@" not in str([span.attributes for span in statements])


def test_failure_is_a_span_with_its_code(spans: Spans) -> None:
    spans.client.request("POST", "/graphql", {"query": "query Who {nothing}"})
    *_, request = [span for span in spans.take() if span.name == "POST /graphql"]
    assert request.attributes["graphql.operation.name"] == "Who"
    assert request.attributes["error.type"]
    assert spans.client.request("GET", "/nowhere").status == 404
    assert "GET" in [span.name for span in spans.take()]


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_SERVICE_NAME": "x"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_environment_without_an_exporter_creates_no_spans(environment: dict[str, str]) -> None:
    assert set_up_tracing("1", environment) is None


def test_environment_chooses_the_exporter() -> None:
    tracing = set_up_tracing("1", {"OTEL_TRACES_EXPORTER": "console"})
    assert tracing
    tracing.close()
    with pytest.raises(ValueError, match="there is no exporter nobody"):
        set_up_tracing("1", {"OTEL_TRACES_EXPORTER": "nobody"})


def test_missing_packages_are_a_warning(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    assert set_up_tracing("1", {"OTEL_TRACES_EXPORTER": "otlp"}) is None
    assert "gql-releases[otel]" in caplog.text


def test_nothing_is_imported_without_configuration() -> None:
    code = (
        "import sys; from gql_releases.web.tracing import set_up_tracing; set_up_tracing('1', {});"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert process.stdout == "[]\n"
