"""Which tracer provider the process has: the application's, or the one a runner registered where there was none."""

from __future__ import annotations

import os

from opentelemetry import trace
from opentelemetry.trace import NoOpTracerProvider, ProxyTracerProvider, TracerProvider

_OWN: list[TracerProvider] = []


def note_own(provider: TracerProvider) -> None:
    """A runner has registered this provider for want of one of the application's."""
    _OWN.append(provider)


def application_provider() -> TracerProvider | None:
    """The provider that the application has registered; None when it has none."""
    if sdk_disabled():
        return None
    provider = trace.get_tracer_provider()
    is_none = isinstance(provider, (ProxyTracerProvider, NoOpTracerProvider))
    return None if is_none or any(provider is own for own in _OWN) else provider


def sdk_disabled() -> bool:
    """Whether OTEL_SDK_DISABLED switches OpenTelemetry off for the whole process, as its SDK reads it."""
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
