"""The command line: starts all upstreams in one process and stops them on SIGINT or SIGTERM."""

import argparse
import asyncio
import datetime as dt
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

from sandbox.server.assembly import DOMAINS, LATENCY_PROFILES, Options, Sandbox, assemble
from sandbox.vendors.simulator import SIMULATORS
from sandbox.world.kinds import KINDS
from sandbox.world.showcase import SHOWN

LEAST_PRODUCTS = 2 * len(KINDS) + len(SHOWN)
MOST_PRODUCTS = 1_000_000


def main() -> int:
    arguments = _parser().parse_args()
    try:
        return asyncio.run(_run(arguments))
    except OSError as error:
        print(
            f"sandbox: {error.strerror or error}; try other ports with --base-port and --control-port", file=sys.stderr
        )
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m sandbox", description="Pretend upstreams of a shop, one HTTP server each."
    )
    parser.add_argument("--products", type=_products, default=5000, help="size of the catalogue (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same shop (default: %(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: %(default)s)")
    parser.add_argument("--public-host", help="name in the addresses that are told (default: --host)")
    parser.add_argument("--media-url", help="where browsers find the pictures (default: the catalogue's address)")
    parser.add_argument(
        "--base-port", type=int, default=8101, help="first of nine ports; 0 takes free ones (default: %(default)s)"
    )
    parser.add_argument("--control-port", type=int, help="default: 8100, or a free one when --base-port is 0")
    parser.add_argument("--api-key", default="sandbox", help="key that the upstreams accept (default: %(default)s)")
    parser.add_argument(
        "--latency", choices=sorted(LATENCY_PROFILES), default="none", help="usual latency (default: %(default)s)"
    )
    parser.add_argument("--vendors", type=_vendors, help="whose simulators answer: DOMAIN=VENDOR, separated by commas")
    parser.add_argument("--ports-file", type=Path, help="write the addresses there as JSON when ready")
    parser.add_argument("--print-ports", action="store_true", help="print the addresses as one line of JSON when ready")
    return parser


def _products(text: str) -> int:
    if not text.isdigit() or not LEAST_PRODUCTS <= int(text) <= MOST_PRODUCTS:
        raise argparse.ArgumentTypeError(f"expected {LEAST_PRODUCTS} to {MOST_PRODUCTS}, got {text!r}")
    return int(text)


def _vendors(text: str) -> dict[str, str]:
    """Vendors by domain."""
    chosen = dict(pair.partition("=")[::2] for pair in text.split(",") if pair)
    for domain, vendor in chosen.items():
        if domain not in DOMAINS or vendor not in SIMULATORS:
            raise argparse.ArgumentTypeError(
                f"expected a domain of {', '.join(DOMAINS)} and a vendor that has a simulator"
                f" ({', '.join(SIMULATORS)}), got {domain}={vendor}"
            )
    return chosen


async def _run(arguments: argparse.Namespace) -> int:
    started = time.perf_counter()
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    sandbox = assemble(_options(arguments), lambda: dt.datetime.now(dt.UTC))
    try:
        await sandbox.open()
        _announce(sandbox, arguments, time.perf_counter() - started)
        await stopping.wait()
    finally:
        await sandbox.close()
    return 0


def _options(arguments: argparse.Namespace) -> Options:
    free = 0 if arguments.base_port == 0 else 8100
    return Options(
        products=arguments.products,
        seed=arguments.seed,
        host=arguments.host,
        public_host=arguments.public_host,
        media_url=arguments.media_url,
        base_port=arguments.base_port,
        control_port=free if arguments.control_port is None else arguments.control_port,
        api_key=arguments.api_key,
        latency=arguments.latency,
        vendors=arguments.vendors or {},
    )


def _announce(sandbox: Sandbox, arguments: argparse.Namespace, took_s: float) -> None:
    addresses = {
        "control": sandbox.control.url,
        "upstreams": sandbox.running.addresses,
        "apiKey": arguments.api_key,
        "pid": os.getpid(),
    }
    if arguments.ports_file is not None:
        _write_whole(arguments.ports_file, json.dumps(addresses, indent=1))
    if arguments.print_ports:
        print(json.dumps(addresses), flush=True)
        return
    size_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"sandbox: {arguments.products} products, ready in {took_s:.1f} s, {size_mb:.0f} MB")
    for name, url in (("control", sandbox.control.url), *sandbox.running.addresses.items()):
        print(f"  {name:<16} {url}")
    sys.stdout.flush()


def _write_whole(path: Path, text: str) -> None:
    """A reader that waits for the file never sees half of it."""
    part = path.with_suffix(f"{path.suffix}.part")
    part.write_text(text)
    part.replace(path)


if __name__ == "__main__":
    sys.exit(main())
