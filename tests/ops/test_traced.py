"""A gateway that sends its traces to a collector."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.journeys.pages import BY_NAME
from tests.journeys.shop import Sandbox, open_gateway

pytestmark = pytest.mark.sockets
WITHIN_S = 30.0
TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"


@contextmanager
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """Takes what is exported; gives its address and what it took."""
    taken: list[ExportTraceServiceRequest] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", taken
        server.shutdown()
        thread.join()


def test_a_page_is_one_trace_under_its_caller(sandbox: Sandbox) -> None:
    """The operation is the caller's child, loads and calls are in the same trace, and no span is of a field."""
    page = BY_NAME["05_product"]
    with collector() as (url, taken):  # noqa: SIM117 -- the gateway must know the collector's address
        with open_gateway(sandbox, GATEWAY_TELEMETRY__TRACES_URL=url, GATEWAY_TELEMETRY__TRACES_SHARE="0") as gateway:
            gateway.client.headers["traceparent"] = f"00-{TRACE}-{CALLER}-01"
            assert "errors" not in gateway.ask(page.document, page.variables).json()
            del gateway.client.headers["traceparent"]
            gateway.ask("query Unsampled { __typename }")
            deadline = time.monotonic() + WITHIN_S
            while not taken and time.monotonic() < deadline:
                time.sleep(0.2)
    spans = [s for told in taken for r in told.resource_spans for scope in r.scope_spans for s in scope.spans]
    by_name = {span.name: span for span in spans}
    assert {span.trace_id.hex() for span in spans} == {TRACE}
    assert by_name["operation ProductPage"].parent_span_id.hex() == CALLER
    assert {"load product", "catalogue.products", "load product_price", "pricing.products"} <= by_name.keys()
    assert by_name["catalogue.products"].parent_span_id == by_name["load product"].span_id
    assert all(name.startswith(("operation ", "load ")) or "." in name for name in by_name)
