"""Other simulators on the same stated work: each script runs alone, in an environment of its own, and prints JSON."""
