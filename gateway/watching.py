"""Composing what watches the gateway: telemetry in every room, and the operations page over it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from clients.values import Dataset
from gateway.cache.policy import Policy
from gateway.ops.access import Access
from gateway.ops.desk import Desk, Rooms
from gateway.ops.listener import OpsPlace, serving
from gateway.ops.office import open_office
from gateway.ops.routes import make_ops_app
from gateway.secrets import secrets_of
from gateway.settings import OpsSettings, Settings
from gateway.telemetry.logs import pick_look
from gateway.telemetry.names import OperationNames, read_registered
from gateway.telemetry.telemetry import Rules, Telemetry, open_telemetry


@asynccontextmanager
async def open_watch(settings: Settings) -> AsyncIterator[Telemetry]:
    """Count, write lines and send traces as the settings say, while the block runs."""
    said = settings.telemetry
    names = OperationNames(read_registered(settings.documents.manifests))
    rules = Rules(pick_look(said.logs), said.operation_lines, said.slow_s)
    async with open_telemetry(rules, names, secrets_of(settings)) as telemetry, AsyncExitStack() as closing:
        if said.traces_url is not None:
            from gateway.telemetry.traces import open_tracing  # noqa: PLC0415 -- dear to load, and off by default

            telemetry.trace_by(closing.enter_context(open_tracing(str(said.traces_url), said.traces_share)))
        if said.metrics_url is not None:
            from gateway.telemetry.otlp import open_exporter, sending  # noqa: PLC0415 -- dear to load, and off by default

            exporter = open_exporter(str(said.metrics_url))
            await closing.enter_async_context(sending(exporter, telemetry.read, said.metrics_every_s))
        yield telemetry


@asynccontextmanager
async def open_ops(
    settings: OpsSettings,
    place: OpsPlace | None,
    rooms: Rooms,
    policies: Mapping[Dataset, Policy],
) -> AsyncIterator[None]:
    """Serve the operations page while the block runs; without a place there is none."""
    if place is None:
        yield
        return
    desk = Desk(rooms)
    access = Access(settings.token.get_secret_value())
    async with (
        open_office(desk, place.folder, policies, has_shared=rooms.shared is not None) as office,
        serving(make_ops_app(office, access, is_secure=settings.is_behind_tls), place.listening),
    ):
        try:
            yield
        finally:
            office.closing.set()  # streams end by themselves, before the listener would cut them
