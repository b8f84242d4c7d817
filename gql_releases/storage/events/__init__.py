"""Writes events and sessions: one transaction a batch, with the releases and issues that they create, and counters."""
