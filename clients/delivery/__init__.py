"""How soon and for how much goods can be received, and where they can be picked up."""
