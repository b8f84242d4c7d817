"""The REST API's engine: routing, requests, parameters, pages and errors. Endpoints are in the package above."""
