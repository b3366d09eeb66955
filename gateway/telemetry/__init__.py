"""What the gateway tells of itself: figures, lines and traces. `docs/metrics.md` is the vocabulary."""
