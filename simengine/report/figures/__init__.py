"""One figure a file: each has ``draw(results, figure=None, ...)``, which gives a `Drawing` (figure, data, caption)."""
