"""Reads a Selection with one SQL statement for each level, and builds the result from the rows."""
