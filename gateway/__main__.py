"""The command line: `gateway VERB`; the verbs are the modules of `gateway/commands`."""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence

from gateway.commands import doctor, explain, purge, schema, serve, warm
from gateway.commands.reading import CommandFailed

VERBS = {
    "serve": (serve, "serve the API"),
    "schema": (schema, "print the schema as SDL"),
    "explain": (explain, "say what the plan of an operation will do"),
    "warm": (warm, "run operations against the cache before traffic"),
    "doctor": (doctor, "look at systems, shared store and keys, and say what to do"),
    "purge": (purge, "forget everything that carries a tag, everywhere"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 2 for what was said wrongly."""
    parser = ArgumentParser(prog="gateway", description="One GraphQL API over a retailer's systems.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name, (verb, about) in VERBS.items():
        verb.configure(verbs.add_parser(name, help=about, description=about))
    given = parser.parse_args(arguments)
    try:
        status: int = VERBS[given.verb][0].run(given)
    except CommandFailed as failure:
        sys.stderr.write(f"gateway: {failure}\n")
        return 2
    return status


if __name__ == "__main__":
    raise SystemExit(main())
