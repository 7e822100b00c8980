"""Where an OpenTelemetry context keeps the attempt it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from opentelemetry import context
from opentelemetry.context import Context

if TYPE_CHECKING:
    from .attempt_tracing import AttemptTracing

ATTEMPT_KEY = context.create_key("spanloom.attempt")


def current_attempt(within: Context | None = None) -> AttemptTracing | None:
    """The attempt of the active context, or of ``within``; None outside of attempts."""
    return cast("AttemptTracing | None", context.get_value(ATTEMPT_KEY, within))
