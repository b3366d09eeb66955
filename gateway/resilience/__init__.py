"""Guards between a client and its upstream, and the engine that does the talking."""
