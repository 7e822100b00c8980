"""Calls made again on transient errors, with full jitter."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from ..errors import SpanloomError
from .http_pool import CallScope

Result = TypeVar("Result")

FIRST_DELAY = 0.05
MAX_DELAY = 5.0


def retry_delay(attempt: int, error: SpanloomError, draw: Callable[[], float] = random.random) -> float:
    """Seconds before call number ``attempt`` + 1: drawn from 0..bound, never less than the server asked for."""
    bound: float = min(MAX_DELAY, FIRST_DELAY * 2 ** min(attempt - 1, 30))
    return max(error.facts.retry_after or 0.0, draw() * bound)


def call_with_retry(
    call: Callable[[], Result],
    *,
    max_attempts: int | None = 5,
    scope: CallScope | None = None,
    on_retry: Callable[[SpanloomError, float], None] | None = None,
) -> Result:
    """Makes a call, and again while it fails for a passing reason; ``max_attempts`` None means until ``scope`` ends.

    Only for calls that may reach the server twice without harm.

    Errors: the last failure.
    """
    attempt = 1
    while True:
        try:
            return call()
        except SpanloomError as error:
            ended = scope is not None and scope.cancelled
            if ended or not error.retryable or (max_attempts is not None and attempt >= max_attempts):
                raise
            delay = retry_delay(attempt, error)
            if on_retry:
                on_retry(error, delay)
            _pause(delay, scope)
            attempt += 1


def _pause(seconds: float, scope: CallScope | None) -> None:
    if scope is None:
        time.sleep(seconds)
    else:
        scope.wait(seconds)
