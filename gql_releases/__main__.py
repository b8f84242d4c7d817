"""`python -m gql_releases`."""

from gql_releases.cli import main

main()
