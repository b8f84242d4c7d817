"""The commands of `gql-releases`: one module for each command, whose COMMAND the command line loads."""
