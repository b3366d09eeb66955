"""The command line: `gateway serve`, `gateway schema`."""

import argparse
import sys
from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_settings import SettingsError

from gateway.serving import serve
from gateway.settings import MissingUpstreams, Settings, UnreadableSettings, require_upstreams
from resolvers.schema import build_schema, export_schema


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="gateway", description="One GraphQL API over a retailer's systems.")
    commands = parser.add_subparsers(dest="command", required=True)
    serving = commands.add_parser("serve", help="serve the API")
    serving.add_argument("--host", help="address to listen at (GATEWAY_HOST)")
    serving.add_argument("--port", type=int, help="port to listen at; 0 picks a free one (GATEWAY_PORT)")
    serving.add_argument("--workers", type=int, help="processes that serve (GATEWAY_WORKERS)")
    commands.add_parser("schema", help="print the schema as SDL")
    given = parser.parse_args(arguments)
    if given.command == "schema":
        sys.stdout.write(export_schema(build_schema()))
        return 0
    return run_server({name: getattr(given, name) for name in ("host", "port", "workers")})


def run_server(overrides: dict[str, object]) -> int:
    """Serve until told to stop; a wrong setting gives one clear line and status 2."""
    try:
        settings = Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
        require_upstreams(settings)
    except (ValidationError, SettingsError, UnreadableSettings, MissingUpstreams) as error:
        sys.stderr.write(f"gateway: {explain(error)}\n")
        return 2
    return serve(settings)


def explain(error: ValueError) -> str:
    """One line on what is wrong with the settings; values are not repeated, one may be a key."""
    if not isinstance(error, ValidationError):
        return str(error)
    said = [f"{'__'.join(str(part) for part in e['loc']).upper()}: {e['msg']}" for e in error.errors(include_url=False)]
    return "settings: " + "; ".join(said)


if __name__ == "__main__":
    raise SystemExit(main())
