"""The runner under test of ``spanloom-conformance runner``: python -m tests.conformance_program [threads|processes].

Source: conformance/runner-tasks.md.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from spanloom import Runner, tasks_of

from . import conformance_tasks


def main(pool: str = "threads") -> None:
    options: dict[str, Any] = {}
    if queues := os.environ.get("CONFORMANCE_QUEUES"):
        options["queues"] = queues.split(",")
    if concurrency := os.environ.get("CONFORMANCE_CONCURRENCY"):
        options["concurrency"] = int(concurrency)
    for variable, option in (("CONFORMANCE_GRACE_MS", "grace"), ("CONFORMANCE_ABANDON_MS", "abandon_after")):
        if value := os.environ.get(variable):
            options[option] = int(value) / 1000
    runner = Runner(
        os.environ.get("SPANLOOM_URL"),
        tasks=tasks_of(conformance_tasks),
        pool=pool,
        service_name=os.environ.get("CONFORMANCE_SERVICE_NAME"),
        service_version=os.environ.get("CONFORMANCE_SERVICE_VERSION"),
        log=lambda line: print(line, file=sys.stderr, flush=True),
        **options,
    )
    runner.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
