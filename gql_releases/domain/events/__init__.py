"""Events and sessions of Sentry's SDKs: parsing, grouping, what they say about releases."""
