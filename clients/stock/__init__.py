"""What can be bought, how many and where it lies."""
