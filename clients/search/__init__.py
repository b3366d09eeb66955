"""Listings with facets, and suggestions while one types."""
