"""The command: starts where it is told, says so, stops when it is told, and complains in one line."""

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

COMMAND = [sys.executable, "-m", "sandbox", "--products", "100"]


def started(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops(number: signal.Signals, tmp_path: Path) -> None:
    """It writes its addresses, keeps the keys it was told, and stops at once and quietly, though a call hangs."""
    ports = tmp_path / "ports.json"
    with started("--base-port", "0", "--ports-file", str(ports), "--api-key", "other") as process:
        addresses = wait_for(ports)
        with httpx.Client() as client:
            client.put(f"{addresses['control']}/upstreams/geo/faults", json={"mode": "hang"})
            with pytest.raises(httpx.ReadTimeout):
                client.get(f"{addresses['upstreams']['geo']}/health", timeout=0.1)
            process.send_signal(number)
            out, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (0, "")
    assert out.startswith("sandbox: 100 products, ready in ")
    assert (addresses["apiKey"], addresses["pid"]) == ("other", process.pid)


def test_names_for_others(tmp_path: Path) -> None:
    """Addresses are told under the public name; pictures have an address of their own."""
    ports = tmp_path / "ports.json"
    names = ("--public-host", "sandbox.test", "--media-url", "https://pictures.test/")
    with started("--base-port", "0", "--ports-file", str(ports), *names) as process:
        addresses = wait_for(ports)
        url = addresses["upstreams"]["catalogue"].replace("sandbox.test", "127.0.0.1")
        headers = {"authorization": "Bearer sandbox"}
        answer = httpx.get(f"{url}/v1/categories?language=ru", headers=headers).json()
        process.terminate()
        process.communicate(timeout=10)
    assert addresses["control"].startswith("http://sandbox.test:")
    assert answer["categories"][0]["image"]["url"].startswith("https://pictures.test/media/categories/")


def wait_for(path: Path) -> dict[str, Any]:
    until = time.monotonic() + 20
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.02)
    return dict(json.loads(path.read_text()))


def test_taken_port() -> None:
    """A port in use is one clear line."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with started("--base-port", "0", "--control-port", str(taken.getsockname()[1])) as process:
            _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert len(err.splitlines()) == 1
    assert "--control-port" in err


@pytest.mark.parametrize("count", ["55", "0", "-1", "many", "1000001"])
def test_bad_size(count: str) -> None:
    """A catalogue too small to fill its categories, or no number at all, is refused with what was expected."""
    with started("--products", count) as process:
        _, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "expected 56 to 1000000" in err


@pytest.mark.parametrize("chosen", ["pricing=acme", "prices=generic", "pricing"])
def test_bad_vendor(chosen: str) -> None:
    """A domain or a vendor that there is not is named, with those that there are."""
    with started("--vendors", chosen) as process:
        _, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "expected a domain of catalogue, search, pricing" in err
    assert f"got {chosen}" in err
