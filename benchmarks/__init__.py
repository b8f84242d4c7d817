"""What the benchmark is made of; `python benchmarks/run.py` runs it."""
