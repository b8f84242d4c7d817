"""Compiles source that is generated at run time, so that tracebacks and profiles show its lines and not `<string>`."""

from __future__ import annotations

import linecache
import weakref
from itertools import count
from typing import Any

_NUMBERS = count(1)


def define_function(label: str, source: str, names: dict[str, Any]) -> Any:
    """Return the function that `source` defines, which finds constants in `names`.

    `linecache` has the source, as it has that of dataclasses, under a file name with the label and a number, for as long
    as the function's code exists.
    """
    file = f"<generated {label} {next(_NUMBERS)}>"
    scope: dict[str, Any] = {}
    exec(compile(source, file, "exec", dont_inherit=True), names, scope)  # noqa: S102 - the source is of this package
    [function] = scope.values()
    linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file  # no time: it is never read from disk
    weakref.finalize(function.__code__, linecache.cache.pop, file, None).atexit = False
    return function
