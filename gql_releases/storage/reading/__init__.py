"""The one way to read: a Selection becomes one SQL statement a level, rows become the answer."""
