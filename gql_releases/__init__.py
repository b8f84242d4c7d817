"""A server for release data: a GraphQL API for frontends, Sentry's release API for CI."""
