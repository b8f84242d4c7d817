"""Events and sessions of Sentry's SDKs: parsing, grouping, and the health of releases."""
