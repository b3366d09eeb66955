"""A collector of OpenTelemetry, as far as the protocol goes: takes traces and figures over HTTP."""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ResourceMetrics
from opentelemetry.proto.trace.v1.trace_pb2 import Span

WITHIN_S = 30.0


@dataclass
class Collector:
    """Where it listens, and what it took."""

    address: str
    traces: list[ExportTraceServiceRequest] = field(default_factory=list)
    figures: list[ExportMetricsServiceRequest] = field(default_factory=list)

    def spans(self) -> list[Span]:
        return [s for told in self.traces for r in told.resource_spans for scope in r.scope_spans for s in scope.spans]

    def resources(self) -> list[ResourceMetrics]:
        return [resource for told in self.figures for resource in told.resource_metrics]

    def wait_for(self, what: Callable[[], object]) -> None:
        """Look until there is some of it."""
        deadline = time.monotonic() + WITHIN_S
        while not what():
            assert time.monotonic() < deadline, "expected the collector to be told something"
            time.sleep(0.1)


def metrics_of(resource: ResourceMetrics) -> dict[str, Metric]:
    return {metric.name: metric for scope in resource.scope_metrics for metric in scope.metrics}


@contextmanager
def open_collector() -> Iterator[Collector]:
    """Listen on a free port of this machine while the block runs."""

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            if self.path == "/v1/traces":
                collector.traces.append(ExportTraceServiceRequest.FromString(body))
            else:
                collector.figures.append(ExportMetricsServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        collector = Collector(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield collector
        server.shutdown()
        thread.join()
