"""Everything that touches a database, and nothing else."""
