"""The hosts of a PostgreSQL URL, and a connection to the one among them that takes writes."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from gql_releases.domain.counters import count_fall_back

_TRY_NEXT = (
    OSError,
    TimeoutError,
    asyncpg.TargetServerAttributeNotMatched,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
)


def split_hosts(url: str) -> list[str]:
    """Give a URL for each host, as asyncpg takes it; of several, the one that can be written to is meant."""
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query))
    account, at, named = parts.netloc.rpartition("@")
    hosts, in_query = (named, False) if named else (given.get("host", ""), True)
    several = hosts.split(",")
    if len(several) > 1:
        given.setdefault("target_session_attrs", "read-write")
    ports = given.get("port", "").split(",")
    urls = []
    for number, host in enumerate(several):
        query = dict(given)
        if in_query and host:
            query["host"] = host
            if len(ports) == len(several) > 1:
                query["port"] = ports[number]
        netloc = parts.netloc if in_query else f"{account}{at}{host}"
        urls.append(urlunsplit(("postgresql", netloc, parts.path, urlencode(query), "")))
    return urls


class Hosts:
    """The servers behind a URL; the one that answered last is asked first."""

    def __init__(self, url: str, seconds: float) -> None:
        """Take the URL and the seconds that finding a connection may need, shared by the hosts: one that is cut off
        swallows what is sent to it, and must not use up the time of the next."""
        self._urls = split_hosts(url)
        self._seconds = seconds / len(self._urls)

    async def connect(self, _: None = None, **settings: Any) -> Any:
        """Open a connection, with more settings of asyncpg's. Raises what the driver raised of the last host tried."""
        failure: BaseException | None = None
        for url in list(self._urls):
            try:
                connection = await asyncpg.connect(url, timeout=self._seconds, **settings)
            except _TRY_NEXT as error:
                failure = error
                if len(self._urls) > 1:
                    count_fall_back("host")
            else:
                self._urls.sort(key=lambda one: one != url)
                return connection
        assert failure
        raise failure
