"""URLs of uploaded files: which stored names a frame's URL may have, references between files, names of sources."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

SOURCE_MAP_HEADERS = ("sourcemap", "x-sourcemap")
"""Headers of an uploaded file that refer to its source map, in the order of precedence."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HEX_ID = re.compile(r"[0-9a-f]{32}")
_DASHED_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_AGE = re.compile(r"[0-9a-f]{1,8}")
_AGE_OF_BREAKPAD = re.compile(r"[0-9a-f]{0,8}")
_WEBPACK = "webpack://"
_NAMESPACE = re.compile(r"(?:@[^/]*/)?[^/]*/(?=\./)")
"""The namespace of webpack before the path, of which Sentry's plugins remove the scheme. It is the name of a package."""
_TURBOPACK = "turbopack://"
_TURBOPACK_PROJECT = "[project]/"
_REFERENCE_MARKS = ("//# sourceMappingURL=", "//@ sourceMappingURL=")
_DEBUG_ID_MARKS = ("//# debugId=", "//@ debugId=")


def list_url_candidates(url: str) -> tuple[str, ...]:
    """Return the names under which the file of a frame's URL may be stored, the most exact first.

    These are the URL, the URL without its query, and both with `~` for scheme and host; without a fragment. Names are
    compared case-sensitively, and nothing is decoded.
    """
    whole = url.removeprefix("async ").partition("#")[0]
    if not whole:
        return ()
    path = _replace_host(whole)
    names = (whole, whole.partition("?")[0], path, path.partition("?")[0])
    return tuple(dict.fromkeys(name for name in names if name))


def _replace_host(url: str) -> str:
    """Return a URL with `~` for scheme and host."""
    if url.startswith("~"):
        return url
    if match := _SCHEME.match(url):
        rest = url[match.end() :]
        slash = rest.find("/")
        return f"~{rest[slash:]}" if slash >= 0 else "~/"
    return f"~{url}" if url.startswith("/") else f"~/{url}"


def join_reference(base: str, reference: str) -> str:
    """Return the URL of a file that the file at `base` refers to, such as its source map.

    A reference with a scheme is a URL, `~/x` and `/x` are below the base's scheme and host, `//host/x` has the base's
    scheme, and any other is relative to the base's folder.
    """
    if _SCHEME.match(reference) or is_data_url(reference):
        return reference
    match = _SCHEME.match(base)
    if reference.startswith("//"):
        return f"{match[1]}:{reference}" if match else reference
    root, path = _split_root(base)
    if reference.startswith(("~/", "/")):
        return root + _resolve_dots(reference.removeprefix("~"))
    folder = path.partition("?")[0].partition("#")[0].rpartition("/")[0]
    return root + _resolve_dots(f"{folder}/{reference}" if folder or path.startswith("/") else reference)


def _split_root(url: str) -> tuple[str, str]:
    """Split a URL into scheme and host, or `~`, and its path, which begins with a slash if there is such a root."""
    if match := _SCHEME.match(url):
        slash = url.find("/", match.end())
        return (url[:slash], url[slash:]) if slash >= 0 else (url, "/")
    if url.startswith("~"):
        return "~", url[1:] if url.startswith("~/") else "/" + url[1:]
    return "", url


def _resolve_dots(path: str) -> str:
    """Return a path without `.` and `..`; `..` at the root is left out, and kept at the start of a relative path."""
    is_absolute = path.startswith("/")
    resolved: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if resolved and resolved[-1] not in ("", ".."):
                resolved.pop()
            elif not is_absolute:
                resolved.append(part)
        elif part != ".":
            resolved.append(part)
    if is_absolute and (not resolved or resolved[0] != ""):
        resolved.insert(0, "")
    return "/".join(resolved)


def clean_source_name(source: str) -> str:
    """Return a source's name in a map as people read it.

    `webpack:///./src/a.ts`, `webpack://shop/./src/a.ts`, and both without the scheme, are `./src/a.ts`, a path with
    `/~/pkg` is `~/pkg`, `turbopack:///[project]/a.ts` is `a.ts`, and `../../src/a.ts` is `src/a.ts`.
    """
    name = source
    if "/~/" in name:
        return "~/" + name.partition("/~/")[2]
    if name.startswith(_TURBOPACK):
        name = name.removeprefix(_TURBOPACK).lstrip("/").removeprefix(_TURBOPACK_PROJECT)
    elif match := _NAMESPACE.match(name.removeprefix(_WEBPACK)):
        name = name.removeprefix(_WEBPACK)[match.end() :]
    elif name.startswith(_WEBPACK):
        namespace, _, path = name.removeprefix(_WEBPACK).partition("/")
        name = path or namespace
    while name.startswith(("../", "./../")):
        name = name.partition("../")[2]
    return name or source


def last_segment(url: str) -> str:
    """Return the last part of a URL's path: `app.js` of `https://host/js/app.js?v=1#top`."""
    return url.partition("#")[0].partition("?")[0].rpartition("/")[2]


def normalize_debug_id(text: str) -> str | None:
    """Return a debug id in lower case with dashes, followed by `-` and its age in hexadecimal unless that is 0.

    Accepts 32 hexadecimal digits, Breakpad's form (the age without a separator) and the dashed form. None for others.
    """
    text = text.strip().lower()
    if _DASHED_ID.match(text):
        identity, age = text[:36], text[36:]
        if age and not (age[0] == "-" and _AGE.fullmatch(age[1:])):
            return None
        age = age[1:]
    elif _HEX_ID.match(text):
        age = text[32:]
        if not _AGE_OF_BREAKPAD.fullmatch(age):
            return None
        identity = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:32]))
    else:
        return None
    age = age.lstrip("0")
    return f"{identity}-{age}" if age else identity


def find_source_map_reference(content: bytes) -> str | None:
    """Return the reference of the last `//# sourceMappingURL=` comment of a script, or None.

    `content` may be the end of the script only; for a map within the script (`is_data_url`) it has to be all of it.
    """
    return _find_comment(content, _REFERENCE_MARKS)


def find_debug_id(content: bytes) -> str | None:
    """Return the debug id of the last `//# debugId=` comment of a script, normalized, or None."""
    text = _find_comment(content, _DEBUG_ID_MARKS)
    return normalize_debug_id(text) if text else None


def _find_comment(content: bytes, marks: tuple[str, ...]) -> str | None:
    positions = {content.rfind(mark.encode()): len(mark) for mark in marks}
    position = max(positions)
    if position < 0:
        return None
    start = position + positions[position]
    ends = [end for separator in (b"\n", b"\r") if (end := content.find(separator, start)) >= 0]
    words = content[start : min(ends, default=len(content))].decode("utf-8", "replace").split(maxsplit=1)
    return words[0].strip("'\"") or None if words else None


def find_source_map_header(headers: Mapping[str, str]) -> str | None:
    """Return the reference to the source map in a file's headers, whose names are case-insensitive; or None."""
    values = {name.lower(): value.strip() for name, value in headers.items()}
    return next((values[name] for name in SOURCE_MAP_HEADERS if values.get(name)), None)


def is_data_url(reference: str) -> bool:
    """Return whether a reference is a data URL, so that the map is within the script."""
    return reference[:5].lower() == "data:"


def decode_data_url(reference: str) -> bytes | None:
    """Return the content of a data URL, in base64 or percent-encoded; None if it is malformed."""
    header, separator, payload = reference.partition(",")
    if not is_data_url(reference) or not separator:
        return None
    content = unquote_to_bytes(payload)
    if not header.lower().endswith(";base64"):
        return content
    try:
        return base64.b64decode(content + b"=" * (-len(content) % 4), validate=True)
    except binascii.Error:
        return None
