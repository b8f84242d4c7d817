"""Versions of releases: parsing, order, ranges."""
