"""Seals upstreams' tokens: AES-GCM under a key made from the settings' secret, bound to organization and URL."""

from __future__ import annotations

import os

NONCE_BYTES = 12
KEY_BYTES = 32


class DecryptionFailed(Exception):
    """A sealed token was sealed under another secret, or for another organization or URL."""


class TokenCipher:
    """Seals and opens under one secret. The library is loaded when the first token asks for it."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def encrypt(self, token: str, context: bytes) -> bytes:
        """Seal a token for a context: only under the same one does it open again."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self._key()).encrypt(nonce, token.encode(), context)

    def decrypt(self, sealed: bytes, context: bytes) -> str:
        """Give a sealed token. Raises CannotOpen."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            return AESGCM(self._key()).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context).decode()
        except (InvalidTag, ValueError) as error:
            raise DecryptionFailed from error

    def _key(self) -> bytes:
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        # The secret is asked to be long and random (settings.py); a slow hash would add nothing to it.
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"gql-releases upstream token 1").derive(self._secret.encode())
