"""A program with Sentry's Python SDK, which reads SENTRY_DSN, SENTRY_RELEASE and SENTRY_ENVIRONMENT."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Any
from wsgiref.util import setup_testing_defaults

import sentry_sdk
from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware

PRICES = {"pen": 2}


def charge(order: int) -> None:
    """Fail."""
    raise ValueError(f"bad id {order}")


def find_price(name: str) -> int:
    """Return a price. Raises KeyError."""
    return PRICES[name]


def order_item(name: str) -> int:
    """Return the price of an item. Raises RuntimeError."""
    try:
        return find_price(name)
    except KeyError as error:
        raise RuntimeError("no such item") from error


def leave() -> None:
    """Fail."""
    raise OSError("disk full")


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answer a request; /fail fails."""
    if environ["PATH_INFO"] == "/fail":
        charge(int(environ["QUERY_STRING"]))
    start_response("200 OK", [])
    return [b"paid"]


def request(path: str, query: str = "") -> None:
    """Send a request to the application."""
    environ = {"PATH_INFO": path, "QUERY_STRING": query}
    setup_testing_defaults(environ)
    for _ in SentryWsgiMiddleware(application)(environ, lambda *_: None):
        pass


def main() -> None:
    """Send errors, messages and sessions, and end with an error."""
    sentry_sdk.init()
    sentry_sdk.set_user({"id": "42", "email": "ada@example.com", "ip_address": "10.0.0.7"})
    sentry_sdk.set_tag("region", "eu")
    try:
        charge(17)
    except ValueError:
        sentry_sdk.capture_exception()
    try:
        order_item("ink")
    except RuntimeError as error:
        sentry_sdk.capture_exception(error)
    sentry_sdk.capture_message("stock is low", level="warning")
    logger = logging.getLogger("shop")
    logger.error("payment %s failed", 99)
    try:
        leave()
    except OSError:
        logger.exception("cannot write")
    request("/")
    with contextlib.suppress(ValueError):
        request("/fail", "18")
    leave()


def trace() -> None:
    """Send what the server does not store: an attachment, then a trace and a log; and errors beside them."""
    sentry_sdk.init(traces_sample_rate=1.0, enable_logs=True)
    with sentry_sdk.new_scope() as scope:
        scope.add_attachment(bytes=b"\x00\n\xff" * 10_000, filename="core")
        scope.capture_message("with a file")
    sentry_sdk.flush(5)
    with sentry_sdk.start_transaction(op="pay", name="pay"):
        logging.getLogger("shop").warning("slow")
        try:
            charge(19)
        except ValueError:
            sentry_sdk.capture_exception()
    sentry_sdk.flush(5)
