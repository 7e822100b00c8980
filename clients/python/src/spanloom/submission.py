"""The columnar form of a submission: 10,000 equal tasks become one group that costs their inputs and little else.

I1. Submissions that wait for the same handles and are waited for by the same tasks share one group, so that no task
    ever waits for more than it asked for.
I2. Groups stand in the order of their first submission; a group's dependencies always stand before it.
I3. A handle works only in the builder that made it.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .durations import Duration, check_seconds, to_duration
from .errors import ErrorFacts, SpanloomError, invalid
from .payload import encode_payload
from .task import Task, TaskOptions
from .v1 import task_pb2

MAX_TASKS = 100_000
MAX_INPUT_BYTES = 256 * 1024
MAX_GROUPS = 4_096


@dataclass(frozen=True, eq=False)
class TaskHandles:
    """Submitted tasks, to be named in ``depends_on`` of later ones: it means all of them."""

    builder: SubmissionBuilder = field(repr=False)
    submission: int
    count: int


DependsOn = TaskHandles | Iterable[TaskHandles]


@dataclass
class _Submission:
    spec: int
    inputs: list[bytes]
    displays: Sequence[str] | None
    dependency_set: int
    used_by: list[int] = field(default_factory=list)


@dataclass
class _Draft:
    dependency_set: int
    inputs: list[bytes] = field(default_factory=list)
    specs: list[int] = field(default_factory=list)
    displays: list[str] = field(default_factory=list)

    def add(self, submission: _Submission) -> None:
        if submission.displays is not None and not self.displays:
            self.displays = [""] * len(self.inputs)
        named = submission.displays is not None or bool(self.displays)
        self.inputs += submission.inputs
        self.specs += [submission.spec] * len(submission.inputs)
        if named:
            self.displays += submission.displays or [""] * len(submission.inputs)


class SubmissionBuilder:
    """Gathers submissions and writes them as one TaskSet.

    Errors: INVALID_FIELD, INVALID_DEPENDENCY and LIMIT_EXCEEDED at the call that causes them; only the limit on groups
    is checked by :meth:`build`.
    Concurrency: safe from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._submissions: list[_Submission] = []
        self._specs: list[task_pb2.TaskSpec] = []
        self._spec_by_key: dict[bytes, int] = {}
        self._sets: list[list[int]] = [[]]
        self._set_by_key: dict[tuple[int, ...], int] = {(): 0}
        self.count = 0
        self.input_bytes = 0

    def submit(
        self,
        task: Task[Any, Any],
        input: object = None,
        *,
        depends_on: DependsOn | None = None,
        display: str | None = None,
        start_delay: Duration | None = None,
        **options: Any,
    ) -> TaskHandles:
        """Adds one task; ``options`` are those of :class:`TaskOptions` and beat the definition's."""
        displays = None if display is None else [display]
        return self._add(task, [input], displays, depends_on, (start_delay, options))

    def submit_many(
        self,
        task: Task[Any, Any],
        inputs: Sequence[object],
        *,
        depends_on: DependsOn | None = None,
        displays: Sequence[str] | None = None,
        start_delay: Duration | None = None,
        **options: Any,
    ) -> TaskHandles:
        """Adds one task per input, all in one group: what depends on the handles waits for all of them."""
        if displays is not None and len(displays) != len(inputs):
            why = f"{len(displays)} displays for {len(inputs)} inputs, must be one for each"
            raise invalid("displays", f'cannot submit task "{task.name}": {why}')
        return self._add(task, inputs, displays, depends_on, (start_delay, options))

    def build(self) -> task_pb2.TaskSet:
        """The submission as it travels."""
        drafts: list[_Draft] = []
        by_key: dict[tuple[int, tuple[int, ...]], int] = {}
        group_of: list[int] = []
        for submission in self._submissions:
            if not submission.inputs:
                group_of.append(-1)
                continue
            key = (submission.dependency_set, tuple(submission.used_by))
            index = by_key.setdefault(key, len(drafts))
            if index == len(drafts):
                drafts.append(_Draft(submission.dependency_set))
            group_of.append(index)
            drafts[index].add(submission)
        if len(drafts) > MAX_GROUPS:
            why = f"{len(drafts)} different sets of dependencies, limit is {MAX_GROUPS}"
            hint = "submit tasks that wait for the same ones with one set of handles"
            facts = ErrorFacts(field="tasks.groups", limit=MAX_GROUPS, actual=len(drafts))
            raise SpanloomError("LIMIT_EXCEEDED", f"cannot submit tasks: {why}; {hint}", facts)
        groups = [self._group(draft, group_of) for draft in drafts]
        return task_pb2.TaskSet(specs=self._specs, groups=groups)

    def _group(self, draft: _Draft, group_of: list[int]) -> task_pb2.TaskGroup:
        same = all(spec == draft.specs[0] for spec in draft.specs)
        return task_pb2.TaskGroup(
            inputs=draft.inputs,
            specs=draft.specs[:1] if same else draft.specs,
            depends_on=dict.fromkeys(group_of[member] for member in self._sets[draft.dependency_set]),
            displays=draft.displays,
        )

    def _add(
        self,
        task: Task[Any, Any],
        inputs: Sequence[object],
        displays: Sequence[str] | None,
        depends_on: DependsOn | None,
        more: tuple[Duration | None, dict[str, Any]],
    ) -> TaskHandles:
        if not isinstance(task, Task):
            raise invalid("task", f"cannot submit {task!r}: it is a {type(task).__qualname__}, must be a task")
        encoded = [_encode(task.name, each, index if len(inputs) > 1 else None) for index, each in enumerate(inputs)]
        spec = to_task_spec(task, *more)
        with self._lock:
            if self.count + len(inputs) > MAX_TASKS:
                raise self._too_many(task.name, len(inputs))
            members = self._members(task.name, depends_on)
            dependency_set = self._set_of(members)
            index = self._intern(spec)
            self.count += len(inputs)
            self.input_bytes += sum(len(each) for each in encoded)
            self._submissions.append(_Submission(index, encoded, displays, dependency_set))
            return TaskHandles(self, len(self._submissions) - 1, len(inputs))

    def _intern(self, spec: task_pb2.TaskSpec) -> int:
        key = spec.SerializeToString(deterministic=True)
        index = self._spec_by_key.setdefault(key, len(self._specs))
        if index == len(self._specs):
            self._specs.append(spec)
        return index

    def _members(self, name: str, depends_on: DependsOn | None) -> list[int]:
        if depends_on is None:
            return []
        handles = [depends_on] if isinstance(depends_on, TaskHandles) else list(depends_on)
        members: set[int] = set()
        for position, handle in enumerate(handles):
            if not isinstance(handle, TaskHandles) or handle.builder is not self:
                raise _foreign_handle(name, handle, position)
            # An empty submit_many has nothing to wait for.
            if handle.count > 0:
                members.add(handle.submission)
        return sorted(members)

    def _set_of(self, members: list[int]) -> int:
        index = self._set_by_key.setdefault(tuple(members), len(self._sets))
        if index == len(self._sets):
            self._sets.append(members)
            for member in members:
                self._submissions[member].used_by.append(index)
        return index

    def _too_many(self, name: str, added: int) -> SpanloomError:
        actual = self.count + added
        message = f'cannot submit task "{name}": the submission would have {actual} tasks, limit is {MAX_TASKS}'
        return SpanloomError("LIMIT_EXCEEDED", message, ErrorFacts(field="tasks", limit=MAX_TASKS, actual=actual))


def to_task_spec(task: Task[Any, Any], start_delay: Duration | None, options: dict[str, Any]) -> task_pb2.TaskSpec:
    """What a task has in common with others of its kind, as it travels."""
    owner = f'cannot submit task "{task.name}"'
    unknown = options.keys() - {each.name for each in dataclasses.fields(TaskOptions)}
    if unknown:
        raise invalid(min(unknown), f"{owner}: {min(unknown)} is no option of a task")
    merged = dataclasses.replace(task.options, **{key: value for key, value in options.items() if value is not None})
    merged.check(owner)
    spec = task_pb2.TaskSpec(
        identifier=task_pb2.TaskIdentifier(name=task.name, version=task.version),
        queue=merged.queue or "",
        optional=merged.optional or False,
        retry=merged.retry.to_message() if merged.retry else None,
        concurrency=merged.concurrency.to_message() if merged.concurrency else None,
        rate_limit=merged.rate_limit.to_message() if merged.rate_limit else None,
    )
    if merged.timeout is not None:
        spec.attempt_timeout.CopyFrom(to_duration(check_seconds(merged.timeout, owner, "timeout")))
    if merged.queue_timeout is not None:
        spec.queue_timeout.CopyFrom(to_duration(check_seconds(merged.queue_timeout, owner, "queue_timeout")))
    if start_delay is not None:
        spec.start_delay.CopyFrom(to_duration(check_seconds(start_delay, owner, "start_delay")))
    if merged.priority is not None:
        spec.priority = merged.priority
    return spec


def _encode(name: str, value: object, index: int | None) -> bytes:
    owner = f'cannot submit task "{name}"{"" if index is None else f", input {index}"}'
    data = encode_payload(value, owner)
    if len(data) > MAX_INPUT_BYTES:
        message = f"{owner}: its input has {len(data)} bytes, limit is {MAX_INPUT_BYTES}"
        facts = ErrorFacts(field="input", limit=MAX_INPUT_BYTES, actual=len(data))
        raise SpanloomError("LIMIT_EXCEEDED", message, facts)
    return data


def _foreign_handle(name: str, handle: object, position: int) -> SpanloomError:
    if isinstance(handle, TaskHandles):
        why = "is a handle of another attempt or job; tasks can only wait for tasks of the same submission"
    else:
        why = f"is a {type(handle).__qualname__}, must be what submit() or submit_many() returned"
    where = f"depends_on[{position}]"
    return SpanloomError("INVALID_DEPENDENCY", f'cannot submit task "{name}": {where} {why}', ErrorFacts(field=where))
