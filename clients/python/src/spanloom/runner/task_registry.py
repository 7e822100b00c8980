"""The code a runner has."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType
from typing import Any

from ..errors import invalid
from ..task import Task
from ..v1 import task_pb2


class TaskRegistry:
    """Tasks by name and major version."""

    def __init__(self, tasks: Iterable[Task[Any, Any]]) -> None:
        self._tasks: dict[tuple[str, int], Task[Any, Any]] = {}
        for task in tasks:
            self._add(task)
        if not self._tasks:
            raise invalid("tasks", "cannot make a runner: it has no tasks")

    @property
    def identifiers(self) -> list[task_pb2.TaskIdentifier]:
        """What the runner offers."""
        return [task_pb2.TaskIdentifier(name=task.name, version=task.version) for task in self._tasks.values()]

    @property
    def tasks(self) -> list[Task[Any, Any]]:
        """All tasks."""
        return list(self._tasks.values())

    def find(self, identifier: task_pb2.TaskIdentifier) -> Task[Any, Any] | None:
        """The code for an identifier: the same major, and at least its minor. None when there is none."""
        major, minor = _parts(identifier.version or "1.0")
        task = self._tasks.get((identifier.name, major))
        return task if task is not None and _parts(task.version)[1] >= minor else None

    def _add(self, task: Task[Any, Any]) -> None:
        if not isinstance(task, Task):
            raise invalid("tasks", f"cannot make a runner: {task!r} is no task; is it decorated with @task?")
        if task.function is None:
            raise invalid("tasks", f'cannot make a runner: the code of task "{task.name}" is not here')
        key = (task.name, _parts(task.version)[0])
        if key in self._tasks:
            raise invalid("tasks", f'cannot make a runner: two tasks are "{task.name}" of version {key[1]}')
        self._tasks[key] = task


def tasks_of(module: ModuleType) -> list[Task[Any, Any]]:
    """All tasks at the top of a module, each once."""
    found = {id(value): value for value in vars(module).values() if isinstance(value, Task) and value.function}
    return list(found.values())


def _parts(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor or 0)
