"""Everything that talks to another system: one folder per domain, one adapter per vendor."""
