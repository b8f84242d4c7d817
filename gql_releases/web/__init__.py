"""HTTP for both APIs: the protocol, bodies, authentication, headers, logs, metrics, probes and pages."""
