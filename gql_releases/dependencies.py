"""Checks that the installed versions of libraries are those whose undocumented parts the code uses."""

from __future__ import annotations

import re
from importlib.metadata import requires, version

from gql_releases.domain.errors import CommandFailed

_BOUNDED = re.compile(r"([\w-]+)(?:\[[\w,-]+\])?<([\d.]+),>=([\d.]+)$")
"""A requirement with an upper and a lower bound, as the metadata of an installed package has it."""


def check_dependencies(package: str = "gql-releases") -> None:
    """Check the versions of the libraries that have an upper bound. Raises CommandFailed for one outside of its bounds.

    Another version of uvicorn, for example, could lack what web/protocol.py overrides, and fail with each request.
    """
    for requirement in requires(package) or ():
        if match := _BOUNDED.match(requirement):
            name, below, lowest = match.groups()
            installed = version(name)
            if not _parse(lowest) <= _parse(installed) < _parse(below):
                raise CommandFailed(
                    f"{name} {installed} is installed, but {package} {version(package)} needs {name}>={lowest},<{below}: "
                    f'run `pip install "{name}>={lowest},<{below}"`.'
                )


def _parse(text: str) -> tuple[int, ...]:
    """Return the numbers of a version before its first letter: 0.55.0rc1 is 0.55.0."""
    return tuple(int(number) for number in re.findall(r"\d+", re.split("[a-z+]", text, maxsplit=1)[0]))
