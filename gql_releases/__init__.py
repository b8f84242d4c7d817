"""A release store with two doors: GraphQL for frontends, Sentry's REST API for CI."""
