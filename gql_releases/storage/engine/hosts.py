"""The hosts of a PostgreSQL URL, and a connection to the one that accepts writes."""

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
    """Return a URL for each host, as asyncpg reads it; of several hosts only one that accepts writes is used."""
    parts = urlsplit(url)
    query_values = dict(parse_qsl(parts.query))
    account, at, netloc_hosts = parts.netloc.rpartition("@")
    hosts, in_query = (netloc_hosts, False) if netloc_hosts else (query_values.get("host", ""), True)
    host_list = hosts.split(",")
    if len(host_list) > 1:
        query_values.setdefault("target_session_attrs", "read-write")
    ports = query_values.get("port", "").split(",")
    urls = []
    for number, host in enumerate(host_list):
        query = dict(query_values)
        if in_query and host:
            query["host"] = host
            if len(ports) == len(host_list) > 1:
                query["port"] = ports[number]
        netloc = parts.netloc if in_query else f"{account}{at}{host}"
        urls.append(urlunsplit(("postgresql", netloc, parts.path, urlencode(query), "")))
    return urls


class Hosts:
    """The servers of a URL; the one of the last successful connection is tried first."""

    def __init__(self, url: str, seconds: float) -> None:
        """Take the URL and the seconds to open a connection, which the hosts share: a host that does not respond must
        not use up the time of the next one."""
        self._urls = split_hosts(url)
        self._seconds = seconds / len(self._urls)

    async def connect(self, _: None = None, **settings: Any) -> Any:
        """Open a connection with further settings of asyncpg. Raises the driver's error of the last host."""
        failure: BaseException | None = None
        for url in list(self._urls):
            try:
                connection = await asyncpg.connect(url, timeout=self._seconds, **settings)
            except _TRY_NEXT as error:
                failure = error
                if len(self._urls) > 1:
                    count_fall_back("host")
            else:
                self._urls.sort(key=lambda other: other != url)
                return connection
        assert failure
        raise failure
