"""What each upstream answers: one module per contract in `docs/contracts`, and the parts of the larger ones."""
