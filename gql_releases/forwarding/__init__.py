"""Forwards writes to a running Sentry: its client, the sender of the outbox, the encryption of its tokens."""
