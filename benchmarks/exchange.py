"""An exchange with 1C: offers a second, and how much memory a package takes that is sent in chunks of 20 MB.

    python benchmarks/exchange.py [--offers 100000] [--warehouses 3] [--zip]

Serves the receivers as a process of their own, sends a generated full package over HTTP as 1C does,
imports it, sends it again with half of the quantities changed, and then a package that is cut off
half-way. Meanwhile it pushes a small message ten times a second and looks how long that takes.
Memory is the most that the kernel ever counted for the process (VmHWM).
"""

import argparse
import asyncio
import base64
import io
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette

sys.path.insert(0, str(Path(__file__).parents[1]))

from clients.http import Upstream
from clients.scope import InContext
from clients.stock.onec import OnecSettings, OnecStock
from clients.values import DataSource, SalesChannel
from gateway.exchange.receivers import open_receivers

LOGIN, PASSWORD, KEY = "exchange", "password", "key"
CHUNK = 20 * 1024 * 1024
CONTEXT = InContext(locality_id="msk", channel=SalesChannel.WEB, currency="RUB", language="ru")
ROOT = Path(__file__).parents[1]


def stock_in(folder: Path) -> OnecStock:
    """What pages would ask."""
    settings = OnecSettings.model_validate(
        {
            "folder": folder,
            "push_key": KEY,
            "exchange_login": LOGIN,
            "exchange_password": PASSWORD,
            "time_zone": "Europe/Moscow",
            "cap": 100_000,
        }
    )
    nowhere = httpx.MockTransport(lambda _: httpx.Response(500))
    return OnecStock(Upstream(DataSource.STOCK, "http://onec.local", nowhere), settings, time.time)


async def nobody(_tags: Iterable[str]) -> None:
    """No cache to purge."""


async def serve(folder: Path) -> None:
    """The receivers on a free port, until killed."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        async with open_receivers(stock_in(folder), nobody, time.time) as routes:
            print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
            config = uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off")
            await uvicorn.Server(config).serve(sockets=[listening])


def write_package(offers: int, warehouses: int, round_: int, formed_at: str) -> Iterator[bytes]:
    """A full package as 1C writes it, in pieces; in later rounds every other offer has changed."""
    yield (
        '\ufeff<?xml version="1.0" encoding="UTF-8"?>\n<КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_2" '
        f'ВерсияСхемы="2.07" ДатаФормирования="{formed_at}">\n\t<ПакетПредложений СодержитТолькоИзменения="false">\n'
        "\t\t<Ид>c1#</Ид>\n\t\t<ИдКаталога>c1</ИдКаталога>\n\t\t<Предложения>\n"
    ).encode()
    for number in range(offers):
        said = number % 50 + (round_ if number % 2 else 0)
        places = "".join(
            f'\t\t\t\t<Склад ИдСклада="b6112590-41ba-11dd-ac9d-{w:012x}" КоличествоНаСкладе="{said}"/>\n'
            for w in range(warehouses)
        )
        yield (
            f"\t\t\t<Предложение>\n\t\t\t\t<Ид>{offer_key(number)}</Ид>\n"
            f"\t\t\t\t<Артикул>Б-{number:06}</Артикул>\n"
            "\t\t\t\t<Наименование>Женские ботфорты коричневые (38)</Наименование>\n"
            '\t\t\t\t<БазоваяЕдиница Код="715" НаименованиеПолное="Пара (2 шт.)">\n\t\t\t\t\t<Пересчет>\n'
            "\t\t\t\t\t\t<Единица>715</Единица>\n\t\t\t\t\t\t<Коэффициент>1</Коэффициент>\n\t\t\t\t\t</Пересчет>\n"
            "\t\t\t\t</БазоваяЕдиница>\n\t\t\t\t<Цены>\n\t\t\t\t\t<Цена>\n\t\t\t\t\t\t<Представление>5 000 RUB за пара"
            "</Представление>\n\t\t\t\t\t\t<ИдТипаЦены>bb14a3a4-6b17-11e0-9819-e0cb4ed5eed4</ИдТипаЦены>\n"
            "\t\t\t\t\t\t<ЦенаЗаЕдиницу>5000</ЦенаЗаЕдиницу>\n\t\t\t\t\t\t<Валюта>RUB</Валюта>\n\t\t\t\t\t</Цена>\n"
            f"\t\t\t\t</Цены>\n\t\t\t\t<Количество>{said * warehouses}</Количество>\n{places}\t\t\t</Предложение>\n"
        ).encode()
    yield "\t\t</Предложения>\n\t</ПакетПредложений>\n</КоммерческаяИнформация>\n".encode()


def offer_key(number: int) -> str:
    return f"bd72d910-55bc-11d9-848a-{number:012x}#90c55447-d3a8-11e4-9423-{number:012x}"


class Sender:
    """1C's side."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def step(self, mode: str, content: bytes | None = None, filename: str = "") -> str:
        asked = {"type": "catalog", "mode": mode, "filename": filename}
        method = "GET" if content is None else "POST"
        return (await self._client.request(method, "/exchange/commerceml", params=asked, content=content)).text

    async def begin(self) -> None:
        told = base64.b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()
        answer = await self._client.get(
            "/exchange/commerceml?type=catalog&mode=checkauth", headers={"authorization": f"Basic {told}"}
        )
        _, name, value = answer.text.split("\n")
        self._client.cookies.set(name, value)
        await self.step("init")

    async def send(self, content: bytes, filename: str) -> float:
        """Seconds that the chunks took."""
        began = time.perf_counter()
        for start in range(0, len(content), CHUNK):
            told = await self.step("file", content[start : start + CHUNK], filename)
            if told != "success":
                raise SystemExit(f"expected success, got {told!r}")
        return time.perf_counter() - began

    async def import_(self, filename: str) -> tuple[str, float]:
        """What was said at last, and seconds."""
        began = time.perf_counter()
        while (told := await self.step("import", filename=filename)) == "progress":
            pass
        return told, time.perf_counter() - began


async def push_for_ever(client: httpx.AsyncClient, took_ms: list[float]) -> None:
    """A small message ten times a second."""
    number = 0
    while True:
        number += 1
        item = {"sku": "pushed", "warehouse": "w", "onHand": number}
        sent_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        body = {"messageId": f"m-{time.time_ns()}", "sentAt": sent_at, "items": [item]}
        began = time.perf_counter()
        answer = await client.post("/exchange/stock", json=body, headers={"authorization": f"Bearer {KEY}"}, timeout=30)
        took_ms.append((time.perf_counter() - began) * 1000)
        if answer.is_error:
            raise SystemExit(f"expected 200, got {answer.status_code} {answer.text}")
        await asyncio.sleep(0.1)


async def watch(server: int, peaks: dict[str, int], cpu_s: dict[int, float]) -> None:
    """The most memory that the server and each import ever had, in kilobytes, and the CPU of each import."""
    while True:
        for pid in (server, *children_of(server)):
            most = most_memory_of(pid)
            name = "server" if pid == server else "import"
            peaks[name] = max(peaks.get(name, 0), most)
            if pid != server:
                cpu_s[pid] = max(cpu_s.get(pid, 0.0), cpu_of(pid))
        await asyncio.sleep(0.05)


def most_memory_of(pid: int) -> int:
    """In kilobytes; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def cpu_of(pid: int) -> float:
    """Seconds of CPU, user's and kernel's; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children_of(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


async def drive(arguments: argparse.Namespace, folder: Path, address: str, server: int) -> None:
    peaks: dict[str, int] = {}
    cpu_s: dict[int, float] = {}
    pushes: list[float] = []
    async with httpx.AsyncClient(base_url=address, timeout=120) as client, httpx.AsyncClient(base_url=address) as other:
        sender, stock = Sender(client), stock_in(folder)
        await push_once(other)
        idle = {"server": 0}
        watching = asyncio.create_task(watch(server, peaks, cpu_s))
        await asyncio.sleep(0.2)
        idle["server"] = peaks["server"]
        pushing = asyncio.create_task(push_for_ever(other, pushes))
        for round_, formed_at in ((0, "2026-01-01T10:00:00"), (1, "2026-01-01T11:00:00")):
            content = b"".join(write_package(arguments.offers, arguments.warehouses, round_, formed_at))
            size_mb = len(content) / 1e6
            name = "offers.xml"
            sent = zipped(content) if arguments.zip else content
            await sender.begin()
            sent_s = await sender.send(sent, "v8.zip" if arguments.zip else name)
            told, took_s = await sender.import_(name)
            print(
                f"round {round_}: {arguments.offers} offers in {arguments.warehouses} warehouses, "
                f"{size_mb:.0f} MB of XML, {len(sent) / 1e6:.0f} MB sent in {sent_s:.1f} s, "
                f"import: {told} in {took_s:.1f} s, {arguments.offers / took_s:,.0f} offers/s"
            )
        before = await stock.fetch_availability(sample(arguments.offers), CONTEXT)
        content = b"".join(write_package(arguments.offers, arguments.warehouses, 2, "2026-01-01T12:00:00"))
        await sender.begin()
        await sender.send(content[: len(content) // 2], "offers.xml")
        told, took_s = await sender.import_("offers.xml")
        after = await stock.fetch_availability(sample(arguments.offers), CONTEXT)
        same = all(before[sku].quantity == after[sku].quantity for sku in before)
        print(f"cut off half-way: {told.splitlines()} in {took_s:.1f} s; stock is {'the same' if same else 'CHANGED'}")
        for task in (pushing, watching):
            task.cancel()
        await asyncio.gather(pushing, watching, return_exceptions=True)
    pushes.sort()
    spent = list(cpu_s.values())[:2]
    rates = ", ".join(f"{arguments.offers / one:,.0f}" for one in spent)
    print(f"CPU of the imports: {', '.join(f'{one:.1f} s' for one in spent)}; {rates} offers per second of CPU")
    print(
        f"most memory: import {peaks['import'] / 1024:.0f} MB, server {peaks['server'] / 1024:.0f} MB "
        f"(idle {idle['server'] / 1024:.0f} MB)"
    )
    print(
        f"{len(pushes)} pushes meanwhile: median {statistics.median(pushes):.1f} ms, "
        f"p99 {pushes[len(pushes) * 99 // 100]:.0f} ms, longest {pushes[-1]:.0f} ms"
    )


async def push_once(client: httpx.AsyncClient) -> None:
    """So that the first push's imports are not counted."""
    body = {"messageId": "warm", "sentAt": "2026-01-01T00:00:00Z", "items": []}
    await client.post("/exchange/stock", json=body, headers={"authorization": f"Bearer {KEY}"})


def sample(offers: int) -> list[str]:
    step = max(1, offers // 500)
    return [offer_key(number) for number in range(0, offers, step)]


def zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("offers.xml", content)
    return packed.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--offers", type=int, default=100_000)
    parser.add_argument("--warehouses", type=int, default=3)
    parser.add_argument("--zip", action="store_true")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve is not None:
        asyncio.run(serve(arguments.serve))
        return
    print(json.dumps({"cores": os.cpu_count(), "python": sys.version.split()[0], "load": os.getloadavg()[0]}))
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--serve", folder]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                asyncio.run(drive(arguments, Path(folder), server.stdout.readline().strip(), server.pid))
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
