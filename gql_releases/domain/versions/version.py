"""Versions: which are valid, their parts, and their order.

The grammar is that of Sentry's release parser.
Source: docs/sentry-contract.md#2-3-versions and docs/sentry-contract.md#4-2-version-info.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_FORBIDDEN = re.compile(r"[\r\n\f\t/\\]")
_UNPARSABLE = re.compile(r"[\x00-\x1f\x7f/\\]")
_HASH_LENGTHS = {12, 16, 20, 32, 40, 64}
_HEX = re.compile(r"[0-9a-fA-F]+")
_NUMBER = r"0|[1-9][0-9]*"
# An identifier of a pre-release: a number without leading zeros, or anything with a letter or a hyphen in it.
_IDENTIFIER = rf"(?:(?:{_NUMBER})(?![0-9A-Za-z-])|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = re.compile(
    r"(?P<numbers>[0-9]+(?:\.[0-9]+){0,3})"
    rf"(?:-(?P<dashed>(?:{_IDENTIFIER}(?:\.{_IDENTIFIER})*)?)|(?P<joined>[a-z][0-9A-Za-z-]*(?:\.{_IDENTIFIER})*))?"
    r"(?:\+(?P<build>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)
_MAX_UNSIGNED = 2**64 - 1
_MAX_SIGNED = 2**63 - 1
MAX_BYTES = 200
"""Bytes of a version at most to be parsed; longer versions are stored."""
# Number of digits -> letters that sort by it. The number of a pre-release may be long: from 25 digits on there are several.
_LENGTHS = ["z" * (digits // 25) + chr(ord("a") + digits % 25) for digits in range(MAX_BYTES + 1)]
_BUILD = "!"
"""Begins the build in an order key: it sorts before all characters that can follow in a key without a build."""
AFTER_BUILDS = chr(ord(_BUILD) + 1)
"""Appended to the key of a version without a build: sorts after all builds of this version, before the next version."""


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """The parts of a version. Numbers and `components` are None if it was not parsed; missing numbers are 0.

    `semver_key` sorts bytewise in the order of versions, builds of one version in the order: none, texts, numbers. It is ""
    for a version without an order; `build_number` is -1 if there is none.
    """

    package: str | None
    raw: str
    major: int | None
    minor: int | None
    patch: int | None
    pre: str | None
    build_code: str | None
    components: int | None
    description: str
    build_hash: str | None
    semver_key: str
    build_number: int


def fold_case(text: str) -> str:
    """Return a text for a comparison without regard to case: Unicode's full case folding, without normalization.

    ß is ss, İ is i with a dot above (U+0069 U+0307), ς and Σ are σ.
    """
    return text.casefold()


def check_version(text: str) -> str | None:
    """Return the message for an invalid version, else None. Source: docs/sentry-contract.md#2-3-versions (a)."""
    bare = text.strip()
    if not bare or bare in (".", "..") or bare.lower() == "latest" or _FORBIDDEN.search(text):
        return f"Release with name {text} is not allowed"
    return None


def parse_version(text: str) -> VersionInfo | None:
    """Return the parts of a version; None if Sentry's parser refuses it.

    Source: docs/sentry-contract.md#2-3-versions (b) and docs/sentry-contract.md#4-2-version-info.
    """
    bare = text.strip()
    if not bare or bare in (".", "..") or bare.lower() == "latest" or _UNPARSABLE.search(text):
        return None
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        return None
    package, raw = _split(bare)
    is_hash = _is_hash(raw)
    match = None if package is None or is_hash else _VERSION.fullmatch(raw)
    # A pre-release may follow without a hyphen only where two components are written: 1.0rc1, not 1rc1.
    if match is None or (match["joined"] and "." not in match["numbers"]):
        shown, build_hash = (raw[:12], raw) if is_hash else (bare, None)
        return VersionInfo(package, raw, None, None, None, None, None, None, shown, build_hash, "", -1)
    return _build_info(package, raw, match)


def _split(bare: str) -> tuple[str | None, str]:
    """Split at the first @ that follows at least one character; both sides must be non-empty."""
    at = bare.find("@", 1)
    if at < 1 or at == len(bare) - 1:
        return None, bare
    return bare[:at], bare[at + 1 :]


def _is_hash(text: str) -> bool:
    return len(text) in _HASH_LENGTHS and _HEX.fullmatch(text) is not None


def _build_info(package: str | None, raw: str, match: re.Match[str]) -> VersionInfo:
    written = match["numbers"].split(".")
    # A number of more than 64 bits counts as 0, for display and for the order.
    numbers = [number if (number := int(digits)) <= _MAX_UNSIGNED else 0 for digits in written]
    numbers += [0] * (4 - len(numbers))
    pre = match["dashed"] or match["joined"] or None
    build = match["build"]
    build_hash = build if build and _is_hash(build) else None
    description = raw.partition("+")[0]
    if build:
        description += f" ({build_hash[:12] if build_hash else build})"
    key = _semver_key(numbers, pre)
    if key and build:
        key += _BUILD + (f"2{_number_key(int(build))}" if build.isdigit() else f"1{build}")
    # A version without an order has no build number either: Sentry stores its sort columns together or not at all.
    number = int(build) if key and build and build.isdigit() else -1
    return VersionInfo(
        package, raw, numbers[0], numbers[1], numbers[2], pre, build, len(written), description, build_hash,
        key, number if number <= _MAX_SIGNED else -1,
    )  # fmt: skip


def order_prefix(numbers: Sequence[int]) -> str:
    """Return the prefix of the order keys of all versions that begin with some numbers."""
    return "".join(map(_number_key, numbers))


def _semver_key(numbers: list[int], pre: str | None) -> str:
    """Return an order key: a length letter before each number; a final release sorts after its pre-releases.

    Pre-releases compare by semver.org 2.0 clause 11: identifier by identifier, numbers below words, fewer below more.
    """
    if max(numbers) > _MAX_SIGNED:
        return ""
    key = order_prefix(numbers)
    if pre is None:
        return key + "~"
    return f"{key}-" + "".join(
        f"0{_number_key(int(identifier))} " if identifier.isdigit() else f"1{identifier} " for identifier in pre.split(".")
    )


def _number_key(number: int) -> str:
    digits = str(number)
    return _LENGTHS[len(digits)] + digits
