"""Pretend upstreams: real HTTP servers that speak the published contracts over one imagined shop."""
