"""How fast simengine is, how far from the machine's limits, and how far ahead of others: ``python -m benchmarks``."""
