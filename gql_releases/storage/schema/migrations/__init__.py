"""Alembic's migrations, and what runs them."""
