"""Options of a runner."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..durations import Duration, check_seconds
from ..errors import invalid
from ..task import check_range
from ..tracing.registered import sdk_disabled

MIB = 1024 * 1024
_OWNER = "cannot make a runner"


@dataclass(frozen=True)
class RunnerOptions:
    """How a runner runs.

    queues: queues it serves.
    concurrency: attempts at once, 1..10,000. With ``pool="processes"`` as many processes.
    pool: ``threads`` suits code that waits; ``processes`` code that computes, which then does not wait for the GIL,
    may be
        stopped by force, and takes nothing with it when it crashes. Its tasks must stand at the top of modules.
    prefetch: most tasks held beyond ``concurrency``, so that the next ones are here when tiny tasks end, 0..1000.
    service_name, service_version: OpenTelemetry's; default OTEL_SERVICE_NAME, or ``spanloom-runner``.
    grace: how long stop() lets attempts finish before it stops and releases them.
    abandon_after: how long an attempt that was told to stop may go on before its slot is taken from it.
    blocked_max: how long leases are kept for code that lets no other thread run; 0 keeps none longer than the lease.
    tracing: whether spans and logs of tasks are recorded. OTEL_SDK_DISABLED=true switches it off as well.
    register_global_tracing: whether the runner's tracer provider becomes the process's, unless it has one.
    capture_logging: whether what tasks log by the standard library's ``logging`` becomes log records of their attempts.
    max_telemetry_bytes: most bytes of spans and logs held in all; over it the oldest are dropped and counted.
    max_result_bytes: bytes of finished results held while the server is away; over it no more tasks are leased.
    log: receives one line for each noteworthy event. Default: the logger ``spanloom.runner``, at INFO.

    Units: ``grace``, ``abandon_after`` and ``blocked_max`` in seconds, or timedeltas.
    """

    queues: Sequence[str] = ("default",)
    concurrency: int = 10
    pool: Literal["threads", "processes"] = "threads"
    prefetch: int = 1_000
    service_name: str | None = None
    service_version: str | None = None
    grace: Duration = 10.0
    abandon_after: Duration = 5.0
    blocked_max: Duration = 300.0
    tracing: bool = True
    register_global_tracing: bool = True
    capture_logging: bool = True
    max_telemetry_bytes: int = 128 * MIB
    max_result_bytes: int = 64 * MIB
    log: Callable[[str], None] | None = None

    @property
    def records(self) -> bool:
        """Whether spans and logs are recorded."""
        return self.tracing and not sdk_disabled()

    def seconds(self, name: str) -> float:
        """An option that is a duration."""
        return check_seconds(getattr(self, name), _OWNER, name)

    def write(self, line: str) -> None:
        """Tells of a noteworthy event."""
        if self.log is not None:
            self.log(line)
        else:
            logging.getLogger("spanloom.runner").info(line)


def check_options(given: dict[str, Any]) -> RunnerOptions:
    """Fills in defaults. Errors: INVALID_FIELD naming the option and its range."""
    unknown = given.keys() - RunnerOptions.__dataclass_fields__.keys()
    if unknown:
        raise invalid(min(unknown), f"{_OWNER}: {min(unknown)} is no option of a runner")
    options = RunnerOptions(**given)
    if isinstance(options.queues, str) or not options.queues or not all(options.queues):
        raise invalid("queues", f"{_OWNER}: queues is {options.queues!r}, must be a list of at least one name")
    if options.pool not in ("threads", "processes"):
        raise invalid("pool", f'{_OWNER}: pool is {options.pool!r}, must be "threads" or "processes"')
    check_range(options.concurrency, (1, 10_000), _OWNER, "concurrency", whole=True)
    check_range(options.prefetch, (0, 1_000), _OWNER, "prefetch", whole=True)
    check_range(options.max_telemetry_bytes, (MIB, 2**40), _OWNER, "max_telemetry_bytes", whole=True)
    check_range(options.max_result_bytes, (MIB, 2**40), _OWNER, "max_result_bytes", whole=True)
    for name in ("grace", "abandon_after", "blocked_max"):
        options.seconds(name)
    return options
