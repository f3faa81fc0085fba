"""Of whom: traits, draws from stated distributions, donor pairs, and the modifiers that traits bring."""
