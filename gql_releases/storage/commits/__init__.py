"""Writes the commits, refs and commit ranges of releases."""
