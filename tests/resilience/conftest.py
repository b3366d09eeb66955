"""Virtual time for the rules, real sockets for the wire."""

import asyncio

# Before a test without a loop, looptime asks for "the" loop, and asyncio then makes one that nobody
# closes. Once it has been set to None, asking makes none.
asyncio.set_event_loop(None)
