"""Running the server: one listening socket, one process or several behind it."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from types import FrameType
from typing import TypeVar

from gateway.app import make_app
from gateway.draining import DrainingServer
from gateway.http.server import ServerOptions, make_server_config, take_open_files
from gateway.ops.listener import OpsPlace, open_place
from gateway.settings import OpsSettings, Settings

BACKLOG = 2048
PAUSE_BEFORE_RESTART_S = 1.0
DRAIN_S = 5.0
T = TypeVar("T")
STOPPING = (signal.SIGTERM, signal.SIGINT)


class PortTaken(Exception):
    """An address that we wanted belongs to somebody else; the message is the one line that is shown."""


def serve(settings: Settings) -> int:
    """Serve until told to stop; returns the exit status.

    Prints the addresses once they are bound, so that port 0 is of use. The sockets are bound before
    any worker starts: all of them accept from the same ones.
    """
    take_open_files()
    with ExitStack() as closing:
        try:
            listening = closing.enter_context(taking(settings.host, settings.port, bind))
            ops = closing.enter_context(taking_ops(settings.ops))
        except PortTaken as taken:
            sys.stderr.write(f"gateway: {taken}\n")
            return 1
        host, port = listening.getsockname()[:2]
        sys.stdout.write(f"gateway: serving http://{host}:{port}/graphql\n")
        if ops is not None:
            sys.stdout.write(f"gateway: operations at {ops.address}/ops\n")
        sys.stdout.flush()
        if settings.workers > 1:
            return Workers(settings, listening, ops).run()
        run_worker(settings, listening, ops)
        return 0


def taking_ops(settings: OpsSettings) -> AbstractContextManager[OpsPlace | None]:
    """The place of the operations page, if it is enabled; raises PortTaken."""
    return taking(settings.host, settings.port, open_place) if settings.is_enabled else nullcontext()


def taking(host: str, port: int, bind_to: Callable[[str, int], AbstractContextManager[T]]) -> AbstractContextManager[T]:
    """Take an address; raises PortTaken."""
    try:
        return bind_to(host, port)
    except OSError as error:
        raise PortTaken(f"expected {host}:{port} to be free, got: {error.strerror}") from None


def bind(host: str, port: int) -> socket.socket:
    """A listening socket."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, port))
    listening.listen(BACKLOG)
    return listening


def run_worker(settings: Settings, listening: socket.socket, ops: OpsPlace | None = None) -> None:
    """Serve in this process."""
    options = ServerOptions(host=settings.host, port=settings.port, trusted_proxies=settings.trusted_proxies)
    front = make_app(settings, ops=ops)
    DrainingServer(make_server_config(front, options), front, decide_drain_s(settings)).run(sockets=[listening])


def decide_drain_s(settings: Settings) -> float:
    """How long to go on serving when told to stop: nobody balances load over a developer's machine."""
    if settings.drain_s is not None:
        return settings.drain_s
    return 0.0 if settings.development.is_enabled else DRAIN_S


class Workers:
    """Keeps as many processes serving as the settings say; a worker that dies is replaced.

    Workers are forked before any event loop or thread exists, so a fork is safe and cheap, and the
    schema is built once for all of them by the kernel's copy on write.
    """

    def __init__(self, settings: Settings, listening: socket.socket, ops: OpsPlace | None = None) -> None:
        self._settings = settings
        self._listening = listening
        self._ops = ops
        self._running: set[int] = set()
        self._is_stopping = False

    def run(self) -> int:
        """Start the workers and wait until all of them have stopped."""
        for number in STOPPING:
            signal.signal(number, self._stop)
        for _ in range(self._settings.workers):
            self._start()
        while self._running:
            self._replace(os.wait())
        return 0

    def _start(self) -> None:
        """Fork a worker. Signals wait meanwhile: one before the worker is noted would never reach it."""
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        worker = os.fork()
        if worker:
            self._running.add(worker)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
            return
        for number in STOPPING:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
        run_worker(self._settings, self._listening, self._ops)
        os._exit(0)

    def _replace(self, ended: tuple[int, int]) -> None:
        worker, status = ended
        self._running.discard(worker)
        if self._is_stopping:
            return
        sys.stderr.write(f"gateway: worker {worker} ended with status {status}, starting another\n")
        time.sleep(PAUSE_BEFORE_RESTART_S)
        if not self._is_stopping:  # we may have been told to stop during the pause
            self._start()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._is_stopping = True
        for worker in self._running:
            os.kill(worker, signal.SIGTERM)
