"""Localities and addresses."""
