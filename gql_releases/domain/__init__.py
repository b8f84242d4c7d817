"""The rules and values of releases; imports nothing of ours."""
