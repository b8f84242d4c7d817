"""The REST door, as Sentry documents it."""
