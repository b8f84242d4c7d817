"""OpenTelemetry: one span for each request and each statement, if its packages are installed and it is configured.

Configured by the standard variables: OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER, OTEL_SERVICE_NAME,
OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER, OTEL_PROPAGATORS, OTEL_SDK_DISABLED. Without them no package is imported.
Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from gql_releases.web.request_record import current_record

logger = logging.getLogger(__name__)

SERVICE = "gql-releases"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_EXPORTER")


def set_up_tracing(version: str, environment: Mapping[str, str] = os.environ) -> Tracing | None:
    """Return the tracing, None if the environment configures none. Raises ValueError for an unknown exporter."""
    names = environment.get("OTEL_TRACES_EXPORTER", "otlp")
    if not any(environment.get(name) for name in _ENDPOINTS) or names == "none":
        return None
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        logger.warning("OTEL_* is set, but OpenTelemetry is not installed: pip install 'gql-releases[otel]'")
        return None
    named = {} if environment.get("OTEL_SERVICE_NAME") else {"service.name": SERVICE}
    provider = TracerProvider(resource=Resource.create({**named, "service.version": version}))
    for name in names.split(","):
        provider.add_span_processor(BatchSpanProcessor(_load_exporter(name.strip())))
    return Tracing(provider, version)


def _load_exporter(name: str) -> Any:
    """Return a span exporter by its standard name, as its package registers it. Raises ValueError for an unknown name."""
    name = "otlp_proto_http" if name == "otlp" else name
    for entry in entry_points(group="opentelemetry_traces_exporter", name=name):
        return entry.load()()
    raise ValueError(f"OTEL_TRACES_EXPORTER: there is no exporter {name}.")


class Tracing:
    """Creates spans of requests and statements."""

    def __init__(self, provider: Any, version: str) -> None:
        """`provider` is a TracerProvider, which `close` shuts down."""
        from opentelemetry import context, propagate, trace

        self._provider, self._tracer = provider, provider.get_tracer(SERVICE, version)
        self._context, self._propagate, self._trace = context, propagate, trace

    def close(self) -> None:
        """Send the remaining spans and shut down."""
        self._provider.shutdown()

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Return the application with a span for each request; its parent is the span of the `traceparent` header."""

        async def trace_request(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            parent = self._propagate.extract(carrier)
            span = self._tracer.start_span(scope["method"], context=parent, kind=self._trace.SpanKind.SERVER)
            current_record().trace_id = f"{span.get_span_context().trace_id:032x}"
            token = self._context.attach(self._trace.set_span_in_context(span, parent))
            try:
                await app(scope, receive, send)
            except BaseException as error:
                span.record_exception(error)
                raise
            finally:
                self._context.detach(token)
                self._end_request(span, scope)

        return trace_request

    def _end_request(self, span: Any, scope: Scope) -> None:
        record = current_record()
        status = record.status
        attributes = {
            "http.request.method": scope["method"],
            "url.path": scope["path"],
            "http.route": record.route,
            "http.response.status_code": status,
            "graphql.operation.name": record.operation,
            "error.type": ",".join(dict.fromkeys(record.codes)),
            "http.request.header.x-request-id": record.id,
        }
        span.set_attributes({name: value for name, value in attributes.items() if value})
        span.update_name(f"{scope['method']} {record.route}".rstrip())
        if status >= 500 or not status:
            span.set_status(self._trace.StatusCode.ERROR)
        span.end()

    def current_context(self) -> Any:
        """Return the context of the running request."""
        return self._context.get_current()

    def note_statement(self, kind: str, name: str, sql: str, seconds: float, context: Any) -> None:
        """Record the span of a statement that has ended; the SQL text contains no values."""
        end = time.time_ns()
        span = self._tracer.start_span(
            name,
            context,
            self._trace.SpanKind.CLIENT,
            {"db.query.summary": name, "db.query.text": sql},
            start_time=end - int(seconds * 1e9),
        )
        span.end(end)
