"""Tokens: their format, their storage, and the principals that they authenticate."""
