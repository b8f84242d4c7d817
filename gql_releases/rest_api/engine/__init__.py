"""The REST API's engine: routing, requests, parameters, pages and errors; it has no noun of its own."""
