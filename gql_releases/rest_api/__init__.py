"""The REST API, compatible with Sentry's documented release API."""
