"""The imagined shop: goods, prices, places and people, all drawn from one seed."""
