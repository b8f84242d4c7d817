"""Requests that wait to be forwarded to Sentry."""
