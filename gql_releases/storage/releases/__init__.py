"""Writes releases: creation (also in batches and in bulk), updates, deletion."""
