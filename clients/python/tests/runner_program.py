"""A runner in a process of its own: python -m tests.runner_program URL QUEUE [threads|processes]."""

from __future__ import annotations

import sys

from spanloom import Runner, tasks_of

from . import tasks


def main(url: str, queue: str, pool: str = "threads") -> None:
    runner = Runner(
        url,
        tasks=tasks_of(tasks),
        queues=[queue],
        pool=pool,
        concurrency=4,
        grace=5,
        log=lambda line: print(line, file=sys.stderr, flush=True),
    )
    runner.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
