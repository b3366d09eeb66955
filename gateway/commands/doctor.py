"""`gateway doctor`: look at settings, systems, shared store and keys, and say what to do."""

import asyncio
import sys
import time
from argparse import ArgumentParser, Namespace

from gateway.commands.reading import read_settings
from gateway.doctor import draw_table, examine
from gateway.secrets import secrets_of
from gateway.telemetry.scrubbing import Scrubber


def configure(_parser: ArgumentParser) -> None:
    """Nothing to be said: the settings tell all."""


def run(_given: Namespace) -> int:
    """Print a table; status 1 when anything is broken."""
    settings = read_settings()
    findings = asyncio.run(examine(settings, time.time))
    sys.stdout.write(Scrubber(secrets_of(settings)).scrub(draw_table(findings)))
    return int(any(finding.state == "broken" for finding in findings))
