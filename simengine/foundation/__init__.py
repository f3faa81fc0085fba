"""Numbers, units, randomness and compilation: what everything else stands on."""
