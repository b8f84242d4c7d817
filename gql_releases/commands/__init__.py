"""The commands of `gql-releases`, a module each: its COMMAND is what the command line loads."""
