"""Tokens: what they look like, how they are stored, whom they stand for."""
