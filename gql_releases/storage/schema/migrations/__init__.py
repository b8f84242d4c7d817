"""Alembic's migrations and their environment."""
