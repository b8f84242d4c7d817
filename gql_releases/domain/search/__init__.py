"""Sentry's search language for releases."""
