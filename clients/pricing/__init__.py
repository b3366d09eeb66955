"""Prices with their explanation, and promotions."""
