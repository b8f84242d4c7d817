"""The format of a token: a prefix, 32 random bytes, a checksum. Only its digest is stored.

    gqlr_<43 characters of URL-safe base64>_<8 hexadecimal digits: CRC-32 of all before the last underscore>

The prefix lets scanners find leaked tokens; the checksum detects a mistyped token without a query. The prefix is not
`sntrys_`, since Sentry's clients parse such tokens.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib

PREFIX = "gqlr_"
PATTERN = re.compile(r"gqlr_[A-Za-z0-9_-]{43}_[0-9a-f]{8}")


def generate_token() -> str:
    """Return a new random token."""
    body = PREFIX + secrets.token_urlsafe(32)
    return f"{body}_{_checksum(body)}"


def looks_like_token(text: str) -> bool:
    """Return whether a text has the format of a token and a correct checksum."""
    body, _, checksum = text.rpartition("_")
    return bool(PATTERN.fullmatch(text)) and checksum == _checksum(body)


def digest_token(token: str) -> bytes:
    """Return the SHA-256 of a token, 32 bytes: 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode()).digest()


def token_hint(token: str) -> str:
    """Return the part of a token that lists show: its last four random characters."""
    return token.rpartition("_")[0][-4:]


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"
