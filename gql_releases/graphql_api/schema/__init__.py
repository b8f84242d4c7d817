"""The schema, one module a noun; build.py puts it together."""
