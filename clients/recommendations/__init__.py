"""Blocks of recommended products for the merchandiser's placements."""
