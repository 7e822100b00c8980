"""Tasks that other processes can find."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from spanloom import Retry, TaskContext, task


@dataclass
class Place:
    """Where a task leaves a sign that it ran."""

    path: str
    seconds: float = 0.0


@task
def double(n: int) -> int:
    return 2 * n


@task(retry=Retry(max_attempts=3, initial_delay=0.01))
def dying(place: Place, ctx: TaskContext) -> int:
    """Kills its process in the first attempt, with a span behind it and one open."""
    if ctx.attempt > 1:
        return ctx.attempt
    with ctx.span("before"):
        pass
    with ctx.span("during"):
        # Longer than telemetry of a long attempt waits.
        time.sleep(place.seconds)
        Path(place.path).write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGKILL)
    return 0


@task
def marking(place: Place, ctx: TaskContext) -> int:
    """Leaves a sign, and goes on for a while with a span behind it."""
    with ctx.span("marked"):
        pass
    with Path(place.path).open("a") as file:
        file.write(f"{ctx.attempt}\n")
    if ctx.attempt == 1:
        time.sleep(place.seconds)
    return ctx.attempt


@task
def stubborn(place: Place) -> str:
    """Never looks whether it should stop."""
    Path(place.path).write_text(str(os.getpid()))
    time.sleep(60)
    return "late"


@task
def process_id(_: int = 0) -> int:
    return os.getpid()


@task
async def traced(n: int, ctx: TaskContext) -> int:
    with ctx.span("outer"):
        await asyncio.sleep(0)
        logging.getLogger("app").warning("from a process")
        ctx.progress(n, 10)
    ctx.display("shown")
    ctx.submit_many(double, [1, 2])
    return n


@task
def busy(seconds: float, ctx: TaskContext) -> int:
    """Holds the interpreter's lock, as C code may: no other thread runs meanwhile."""
    if ctx.attempt == 1:
        ctypes.PyDLL(None).usleep(int(seconds * 1_000_000))
    return ctx.attempt


@task
def spanned(seconds: float, ctx: TaskContext) -> int:
    with ctx.span("spanned"):
        time.sleep(seconds)
    return ctx.attempt


@task
def spanned_parent(count: int, ctx: TaskContext) -> None:
    ctx.submit_many(spanned, [0.02] * count)
