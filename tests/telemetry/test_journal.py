import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from gateway.exemplar import Exemplar
from gateway.http.ports import Answered
from gateway.ops.questions import decode_samples, encode
from gateway.telemetry import vocabulary as v
from gateway.telemetry.exposition import write_exposition
from gateway.telemetry.journal import OperationJournal, OperationLines, write_json, write_readable
from gateway.telemetry.lines import LineWriter
from gateway.telemetry.logs import get_log, logging_to
from gateway.telemetry.names import OTHER, REFUSED, UNNAMED, OperationNames
from gateway.telemetry.operations import OperationMeter
from gateway.telemetry.readings import Readings


def answered(operation: str | None = "ProductPage", *codes: str, took_s: float = 0.004, status: int = 200) -> Answered:
    return Answered("r-1", operation, "d" * 64, status, codes, took_s, is_signed_in=True)


class Kept(LineWriter):
    """A writer that keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, lines: bytes) -> None:
        self.written += lines


def test_an_answer_is_one_line_of_json() -> None:
    """Name, document, status, codes, duration and whether somebody was signed in; nothing else of the request."""
    line = json.loads(write_json(1_700_000_000.0, answered("ProductPage", "SOURCE_TIMEOUT")))
    assert line == {
        "event": "operation",
        "timestamp": "2023-11-14T22:13:20Z",
        "level": "warning",
        "request_id": "r-1",
        "operation": "ProductPage",
        "document": "d" * 64,
        "status": 200,
        "codes": ["SOURCE_TIMEOUT"],
        "ms": 4.0,
        "is_signed_in": True,
        "logger": "gateway.operations",
    }


def test_a_person_can_read_a_line() -> None:
    """On a terminal a line has what one looks for."""
    line = write_readable(1_700_000_000.0, answered("ProductPage", "SOURCE_TIMEOUT")).decode()
    assert "200      4.0 ms  ProductPage  signed in  SOURCE_TIMEOUT  r-1" in line


@pytest.mark.parametrize(("which", "lines"), [("all", 2), ("failed", 1), ("none", 0)])
def test_lines_are_chosen(which: str, lines: int) -> None:
    """All answers get a line, or those with errors, or none; all of them are counted."""
    writer, meter = Kept(), OperationMeter()
    kept = OperationLines(writer, "json", which)  # type: ignore[arg-type]
    journal = OperationJournal(meter, kept)
    journal.answered(answered())
    journal.answered(answered("ProductPage", "NOT_FOUND"))
    kept.flush()
    assert writer.written.count(b"\n") == lines
    assert Readings(meter.read()).number(v.OPERATIONS) == 2


def test_counts_by_name_status_and_code() -> None:
    """Durations, statuses and codes are found under the operation's name."""
    meter = OperationMeter()
    for answer in (answered(), answered(took_s=3.0), answered("HomePage", "DEADLINE_EXCEEDED", status=504)):
        meter.note_answer(answer)
    counted = Readings(meter.read())
    assert counted.number(v.OPERATIONS, operation="ProductPage", status="200") == 2
    assert counted.number(v.OPERATION_ERRORS, code="DEADLINE_EXCEEDED") == 1
    assert counted.spread(v.OPERATION_DURATION, operation="ProductPage").number == 2


def test_refusals_are_counted_by_the_limit() -> None:
    """Every limit has its series from the start, and a refusal counts in one of them."""
    meter = OperationMeter()
    journal = OperationJournal(meter, OperationLines(Kept(), "json"))
    for limit in ("rate", "rate", "cost"):
        journal.refused(limit)
    samples = [sample for sample in meter.read() if sample.metric == v.REQUESTS_REFUSED.name]
    assert {sample.labels: sample.value for sample in samples} == {
        ("rate", ""): 2, ("cost", ""): 1, ("connections", ""): 0, ("document", ""): 0, ("body", ""): 0,
    }  # fmt: skip


def test_names_are_bounded_whatever_clients_send() -> None:
    """The first names and registered ones are told apart; all others are one."""
    names = OperationNames(registered=["Registered"], most=2)
    assert [names.label(name) for name in ("A", "B", "C", "A", "Registered", None)] == [
        "A", "B", OTHER, "A", "Registered", UNNAMED,
    ]  # fmt: skip
    assert names.label("A", is_known_document=False) == REFUSED
    assert OperationNames().label("N" * 65) == OTHER


def test_a_flood_of_names_makes_few_series() -> None:
    """Ten thousand invented names do not make ten thousand series."""
    meter = OperationMeter()
    for number in range(10_000):
        meter.note_answer(answered(f"Invented{number}"))
    assert len(Readings(meter.read()).values(v.OPERATIONS, "operation")) == 101


@pytest.fixture
def written(tmp_path: Path) -> Iterator[tuple[LineWriter, Path]]:
    path = tmp_path / "lines"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    with LineWriter(descriptor) as writer:
        yield writer, path
    os.close(descriptor)


def broken_by(secret: str) -> ValueError:
    """A fault of a function that held something secret."""
    try:
        int(secret[:0])
    except ValueError as error:
        return error
    raise AssertionError


def test_everything_else_is_in_the_same_shape(written: tuple[LineWriter, Path]) -> None:
    """Our words and those of libraries come out as JSON with the same names; a fault has its trace and no variables."""
    import logging  # noqa: PLC0415

    writer, path = written
    with logging_to(writer, "json"):
        get_log("gateway.audit").info("by hand", who="Анна", what="purged sku:1")
        logging.getLogger("some.library").warning("something %s", "odd")
        OperationJournal(OperationMeter(), OperationLines(writer, "json")).fault("r-1", "Page", broken_by("карта 4276"))
    writer.__exit__()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["by hand", "something odd", "fault"]
    assert lines[0]["who"] == "Анна"
    assert "ValueError: invalid literal" in lines[2]["exception"]
    assert "4276" not in path.read_text()


def test_a_reader_that_stands_still_stops_nobody() -> None:
    """When the pipe is full, lines are dropped and counted, and whoever writes goes on."""
    reader, descriptor = os.pipe()
    writer = LineWriter(descriptor)
    writer._thread.start()
    for _ in range(5_000):
        writer.write(b"x" * 1000 + b"\n")
    assert writer.dropped > 0
    os.close(reader)  # now writing fails, and the thread comes to its end
    writer.__exit__()
    os.close(descriptor)


def test_prometheus_reads_what_is_exposed() -> None:
    """Every series has its worker; histograms are cumulated and end in +Inf."""
    meter = OperationMeter()
    meter.note_answer(answered())
    page = write_exposition({"0": list(meter.read()), "1": list(meter.read())}).body.decode()
    assert 'gateway_operations_total{operation="ProductPage",status="200",worker="1"} 1.0' in page
    assert 'gateway_operation_duration_seconds_bucket{le="+Inf",operation="ProductPage",worker="0"} 1.0' in page
    assert "# TYPE gateway_operation_duration_seconds histogram" in page


def test_exemplars_travel_between_workers_and_stand_at_their_bucket() -> None:
    """What another worker says of itself has its exemplars; OpenMetrics has them, the older format none."""
    meter = OperationMeter()
    meter.exemplify = lambda took_s: Exemplar("ab" * 16, took_s, 1_700_000_000.5)
    meter.note_answer(answered(took_s=0.004))
    meter.exemplify = None
    meter.note_answer(answered(took_s=3.0))
    heard = decode_samples(encode(list(meter.read())))
    page = write_exposition({"3": heard}, "application/openmetrics-text; version=1.0.0")
    families = {family.name: family for family in text_string_to_metric_families(page.body.decode())}  # type: ignore[no-untyped-call]
    traced = [s for s in families["gateway_operation_duration_seconds"].samples if s.exemplar]
    assert [(s.labels["le"], s.labels["worker"], s.exemplar.labels["trace_id"]) for s in traced] == [
        ("0.005", "3", "ab" * 16)
    ]
    assert b"trace_id" not in write_exposition({"3": heard}).body
