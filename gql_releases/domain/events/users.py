"""Users of events and sessions, of which only a salted hash is stored."""

from __future__ import annotations

from hashlib import blake2b


def hash_user(user: str, salt: bytes) -> str:
    """Return the hash, 32 hex digits, of the text that identifies a user; `salt` is that of the organization."""
    return blake2b(user.encode("utf-8", "replace"), digest_size=16, key=salt).hexdigest()
