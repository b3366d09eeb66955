"""The command line: one verb per module, each with `configure(parser)` and `run(given)`, the exit status."""
