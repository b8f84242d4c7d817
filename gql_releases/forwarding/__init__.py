"""Sends on what was written: the client of a running Sentry, the sender of the outbox, the seal on its tokens."""
