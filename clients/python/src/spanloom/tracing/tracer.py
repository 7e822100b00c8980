"""The process's tracer provider, and what a runner is as a resource."""

from __future__ import annotations

import os
import socket

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import NoOpTracer, Tracer

from .attempt_tracing import SCOPE
from .registered import note_own
from .span_processor import SpanloomSpanProcessor

# One per process, however many runners it has: spans find their runner through their context.
_PROVIDERS: list[TracerProvider] = []


def runner_resource(runner_id: str, service_name: str | None, service_version: str | None) -> Resource:
    """OpenTelemetry's defaults, then OTEL_SERVICE_NAME and the like, then what the runner's options say."""
    given = Resource.create()
    own: dict[str, str | int] = {"process.pid": os.getpid(), "spanloom.runner.id": runner_id}
    if "host.name" not in given.attributes:
        own["host.name"] = socket.gethostname()
    if str(given.attributes.get("service.name", "unknown_service")).startswith("unknown_service"):
        own["service.name"] = "spanloom-runner"
    if service_name is not None:
        own["service.name"] = service_name
    if service_version is not None:
        own["service.version"] = service_version
    return given.merge(Resource(own))


def process_provider(resource: Resource) -> TracerProvider:
    """The provider whose spans go to attempts; made for the first runner."""
    if not _PROVIDERS:
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(SpanloomSpanProcessor())
        _PROVIDERS.append(provider)
    return _PROVIDERS[0]


def runner_tracer(provider: TracerProvider, *, enabled: bool, register: bool) -> Tracer:
    """The tracer of ctx.tracer; with ``register`` its provider becomes the process's, unless it has one."""
    if not enabled:
        return NoOpTracer()
    if register and isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        trace.set_tracer_provider(provider)
        note_own(provider)
    return provider.get_tracer(SCOPE)
