"""Profiles of signed-in customers."""
