"""The endpoints to which Sentry's SDKs send events and sessions."""
