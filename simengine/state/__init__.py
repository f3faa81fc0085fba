"""What is, at time t: plain arrays in named tuples, and the names of their rows."""
