"""`gateway schema`: print the schema as SDL."""

import sys
from argparse import ArgumentParser, Namespace

from resolvers.schema import build_schema, export_schema


def configure(parser: ArgumentParser) -> None:
    """There is nothing to choose."""
    del parser


def run(given: Namespace) -> int:
    """Print it."""
    del given
    sys.stdout.write(export_schema(build_schema()))
    return 0
