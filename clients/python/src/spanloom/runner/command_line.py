"""A runner from the command line: ``spanloom-runner-python app.tasks --queue images``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import SpanloomError
from ..task import Task
from ..version import VERSION
from .runner import Runner
from .task_registry import tasks_of

EXIT_FAILED = 1
EXIT_USAGE = 2


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> int:
    """Runs until a signal; gives the exit status: 0 after a graceful stop, 1 when it failed, 2 for a wrong usage."""
    given = _parser(environment).parse_args(arguments)
    # As `python -m` has it, and an installed program has not.
    sys.path.insert(0, str(Path.cwd()))
    try:
        tasks = [task for module in given.modules for task in _load(module)]
        options: dict[str, Any] = {"pool": given.pool, "concurrency": given.concurrency, "grace": given.grace}
        if given.queue:
            options["queues"] = [name for text in given.queue for name in text.split(",") if name]
        runner = Runner(given.url, tasks=tasks, token=given.token, service_name=given.service_name, log=_log, **options)
    except SpanloomError as error:
        return _fail(str(error), EXIT_USAGE)
    try:
        runner.run()
    except SpanloomError as error:
        return _fail(str(error), EXIT_FAILED)
    return 0


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spanloom-runner-python",
        description="Leases and runs tasks: every task at the top of the modules named is offered to the server.",
        epilog="SIGTERM or SIGINT: finish what runs, give back the rest, exit 0. A second signal exits at once.",
    )
    parser.add_argument("modules", nargs="+", metavar="module", help="as it is imported, e.g. app.tasks")
    parser.add_argument(
        "--url", default=environment.get("SPANLOOM_URL"), help="server (SPANLOOM_URL, default http://127.0.0.1:7171)"
    )
    parser.add_argument("--token", default=environment.get("SPANLOOM_TOKEN"), help="bearer token (SPANLOOM_TOKEN)")
    parser.add_argument("--queue", action="append", metavar="A,B", help='queues to serve (default "default")')
    parser.add_argument("--concurrency", type=int, default=10, metavar="N", help="attempts at once (default 10)")
    parser.add_argument("--pool", choices=("threads", "processes"), default="threads", help="where code runs")
    parser.add_argument("--service-name", metavar="NAME", help="OpenTelemetry service.name (OTEL_SERVICE_NAME)")
    parser.add_argument("--grace", type=float, default=10.0, metavar="S", help="seconds to finish in (default 10)")
    parser.add_argument("--version", action="version", version=VERSION)
    return parser


def _load(module: str) -> list[Task[Any, Any]]:
    """The tasks of a module. Errors: INVALID_FIELD when it cannot be imported or has none."""
    try:
        tasks = tasks_of(importlib.import_module(module))
    except ImportError as error:
        hint = "name it as Python imports it, e.g. app.tasks, from the folder that holds it"
        raise SpanloomError("INVALID_FIELD", f'cannot load module "{module}": {error}; {hint}') from error
    if not tasks:
        raise SpanloomError("INVALID_FIELD", f'cannot load module "{module}": it has no function with @task')
    return tasks


def _log(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _fail(message: str, status: int) -> int:
    _log(f"spanloom-runner-python: {message}")
    return status
