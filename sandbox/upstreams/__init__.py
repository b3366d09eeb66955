"""What each upstream answers: one module per contract in `docs/contracts`."""
