"""What the adapters of one vendor share: how it is called, and what its refusals mean."""
