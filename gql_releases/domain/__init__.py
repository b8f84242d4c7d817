"""The rules and values of releases; imports no other package of the project."""
