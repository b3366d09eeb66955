"""Sockets, faults, counters and the control API around the answers."""
