"""Encrypts upstreams' tokens: AES-GCM with a key derived from GQL_RELEASES_SECRET_KEY, bound to organization and URL."""

from __future__ import annotations

import os

NONCE_BYTES = 12
KEY_BYTES = 32


class DecryptionFailed(Exception):
    """The token was encrypted with another secret, or for another organization or URL."""


class TokenCipher:
    """Encrypts and decrypts tokens with one secret. The library is imported at the first use."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def encrypt(self, token: str, context: bytes) -> bytes:
        """Encrypt a token; it can be decrypted only with the same context."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self._key()).encrypt(nonce, token.encode(), context)

    def decrypt(self, sealed: bytes, context: bytes) -> str:
        """Decrypt a token. Raises DecryptionFailed."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            return AESGCM(self._key()).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context).decode()
        except (InvalidTag, ValueError) as error:
            raise DecryptionFailed from error

    def _key(self) -> bytes:
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        # The secret is long and random (settings.py), so that no slow hash is needed.
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"gql-releases upstream token 1").derive(self._secret.encode())
