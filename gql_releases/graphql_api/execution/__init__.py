"""Execution of GraphQL requests: limits, validation, planning, root fields. It gets the built schema as an argument."""
