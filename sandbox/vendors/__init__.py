"""Simulators of vendors: each speaks its vendor's HTTP over the same shop."""
