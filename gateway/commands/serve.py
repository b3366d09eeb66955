"""`gateway serve`: serve the API."""

from argparse import ArgumentParser, Namespace

from gateway.commands.checking import check_against_schema
from gateway.commands.reading import read_settings
from gateway.serving import serve


def configure(parser: ArgumentParser) -> None:
    """Say what can be said on the command line instead of in a setting."""
    parser.add_argument("--host", help="address to listen at (GATEWAY_HOST)")
    parser.add_argument("--port", type=int, help="port to listen at; 0 picks a free one (GATEWAY_PORT)")
    parser.add_argument("--workers", type=int, help="processes that serve (GATEWAY_WORKERS)")


def run(given: Namespace) -> int:
    """Serve until told to stop."""
    settings = read_settings(host=given.host, port=given.port, workers=given.workers)
    check_against_schema(settings)
    return serve(settings)
