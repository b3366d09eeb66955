"""Products, variants, brands and the category tree."""
