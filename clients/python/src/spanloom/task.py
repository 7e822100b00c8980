"""Tasks: code with a name that clients submit and runners run."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from .conversion import from_plain, hints_of
from .durations import Duration, check_seconds, to_duration
from .errors import SpanloomError, invalid
from .v1 import task_pb2

if TYPE_CHECKING:
    from .context import TaskContext

Input = TypeVar("Input")
Output = TypeVar("Output")

MAX_NAME_BYTES = 256
_VERSION = re.compile(r"\d{1,9}\.\d{1,9}")


@dataclass(frozen=True)
class Retry:
    """When and how often a failed attempt is tried again; a task without one has a single attempt.

    Units: delays in seconds, or timedeltas.
    Errors: INVALID_FIELD naming the value that is out of range.
    Source: proto/spanloom/v1/task.proto RetryPolicy.
    """

    max_attempts: int = 1
    initial_delay: Duration = 1.0
    factor: float = 2.0
    max_delay: Duration = 300.0
    jitter: float = 0.0
    non_retryable_types: Sequence[str] = ()

    def __post_init__(self) -> None:
        owner = "cannot make a retry policy"
        check_range(self.max_attempts, (1, 1000), owner, "max_attempts", whole=True)
        check_range(self.factor, (1, 100), owner, "factor")
        check_range(self.jitter, (0, 1), owner, "jitter")
        check_seconds(self.initial_delay, owner, "initial_delay")
        check_seconds(self.max_delay, owner, "max_delay")
        object.__setattr__(self, "non_retryable_types", tuple(self.non_retryable_types))

    def to_message(self) -> task_pb2.RetryPolicy:
        """The policy as it travels."""
        owner = "cannot send a retry policy"
        return task_pb2.RetryPolicy(
            max_attempts=self.max_attempts,
            initial_delay=to_duration(check_seconds(self.initial_delay, owner, "initial_delay")),
            factor=self.factor,
            max_delay=to_duration(check_seconds(self.max_delay, owner, "max_delay")),
            jitter=self.jitter,
            non_retryable_types=self.non_retryable_types,
        )


@dataclass(frozen=True)
class Concurrency:
    """At most ``limit`` holders share a key: running attempts for a task's key, jobs for a job's."""

    key: str
    limit: int
    policy: Literal["wait", "cancel_running", "reject_new"] = "wait"
    max_waiting: int | None = None

    def to_message(self) -> task_pb2.Concurrency:
        """As it travels."""
        message = task_pb2.Concurrency(
            key=self.key,
            limit=self.limit,
            policy=f"CONCURRENCY_POLICY_{self.policy.upper()}",
        )
        if self.max_waiting is not None:
            message.max_waiting = self.max_waiting
        return message


@dataclass(frozen=True)
class RateLimit:
    """At most ``limit`` attempts that share a key start in each window (seconds, or a timedelta)."""

    key: str
    limit: int
    window: Duration

    def to_message(self) -> task_pb2.RateLimit:
        """As it travels."""
        window = check_seconds(self.window, "cannot send a rate limit", "window")
        return task_pb2.RateLimit(key=self.key, limit=self.limit, window=to_duration(window))


@dataclass(frozen=True)
class TaskOptions:
    """How a task runs unless a submission says otherwise; None leaves it to the server.

    Units: ``timeout`` (of an attempt) and ``queue_timeout`` in seconds, or timedeltas.
    """

    queue: str | None = None
    retry: Retry | None = None
    timeout: Duration | None = None
    queue_timeout: Duration | None = None
    optional: bool | None = None
    priority: int | None = None
    concurrency: Concurrency | None = None
    rate_limit: RateLimit | None = None

    def check(self, owner: str) -> None:
        """Errors: INVALID_FIELD for the first value out of range."""
        if self.queue is not None and (not isinstance(self.queue, str) or not self.queue):
            raise invalid("queue", f"{owner}: queue is {self.queue!r}, must be a name")
        for name in ("timeout", "queue_timeout"):
            if getattr(self, name) is not None:
                check_seconds(getattr(self, name), owner, name, 0.001)
        if self.priority is not None:
            check_range(self.priority, (-(2**31), 2**31 - 1), owner, "priority", whole=True)


class Task(Generic[Input, Output]):
    """A task as both sides know it: a client or a parent submits it, a runner runs it.

    Made by :func:`task`. Calling it calls the function, as tests like to.
    """

    def __init__(
        self,
        function: Callable[..., object] | None,
        *,
        name: str,
        version: str = "1.0",
        options: TaskOptions | None = None,
    ) -> None:
        owner = f'cannot define task "{name}"'
        _check_identity(name, version, owner)
        self.name = name
        self.version = version
        self.options = options or TaskOptions()
        self.options.check(owner)
        self.function = function
        self.is_async = inspect.iscoroutinefunction(function)
        self._inputs, self._context = _parameters_of(function, owner) if function else ([], None)
        if function is not None:
            self.__doc__ = function.__doc__
            self.__module__ = function.__module__
            self.__qualname__ = getattr(function, "__qualname__", name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the function itself."""
        if self.function is None:
            raise SpanloomError("INVALID_STATE", f'cannot call task "{self.name}": its code is not here')
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Task {self.name} {self.version}>"

    def __reduce__(self) -> tuple[object, ...]:
        if self.function is None:
            return _unpickle_declared, (self.name, self.version, self.options)
        return find_task, (self.__module__, self.__qualname__)

    def bind(self, value: object, context: TaskContext) -> dict[str, object]:
        """Arguments of the function for an input as it came off the wire.

        Errors: INVALID_FIELD when the input does not fit the annotations.
        """
        arguments = self._arguments(value, f'cannot run task "{self.name}"')
        if self._context is not None:
            arguments[self._context] = context
        return arguments

    def _arguments(self, value: object, owner: str) -> dict[str, object]:
        if not self._inputs:
            return {}
        hints = hints_of(self.function)
        if len(self._inputs) == 1:
            only = self._inputs[0]
            if value is None and only.default is not inspect.Parameter.empty:
                return {}
            return {only.name: from_plain(value, hints.get(only.name, Any), owner)}
        if not isinstance(value, dict):
            names = ", ".join(each.name for each in self._inputs)
            raise invalid("input", f"{owner}: its input must be an object with {names}")
        missing = [p.name for p in self._inputs if p.default is inspect.Parameter.empty and p.name not in value]
        if missing:
            raise invalid("input", f"{owner}: input.{missing[0]} is missing")
        return {
            each.name: from_plain(value[each.name], hints.get(each.name, Any), owner, f"input.{each.name}")
            for each in self._inputs
            if each.name in value
        }


def find_task(module: str, qualname: str) -> Task[Any, Any]:
    """The task of that name in a module. Errors: INVALID_STATE when there is none."""
    found: Any = importlib.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    if isinstance(found, Task):
        return found
    raise SpanloomError(
        "INVALID_STATE",
        f'cannot find task "{qualname}" in module "{module}": tasks of processes must stand at the top of a module',
    )


def declare(name: str, version: str = "1.0", **options: Any) -> Task[Any, Any]:
    """A task whose code is elsewhere, e.g. in another language: it can be submitted, and not run here."""
    return Task(None, name=name, version=version, options=TaskOptions(**options))


def _unpickle_declared(name: str, version: str, options: TaskOptions) -> Task[Any, Any]:
    return Task(None, name=name, version=version, options=options)


class TaskDecorator:
    """What :func:`task` gives when it is called with options."""

    def __init__(self, name: str | None, version: str, options: TaskOptions) -> None:
        self._name = name
        self._version = version
        self._options = options

    @overload
    def __call__(self, function: Callable[[], Awaitable[Output]]) -> Task[None, Output]: ...
    @overload
    def __call__(self, function: Callable[[], Output]) -> Task[None, Output]: ...
    @overload
    def __call__(self, function: Callable[[TaskContext], Awaitable[Output]]) -> Task[None, Output]: ...
    @overload
    def __call__(self, function: Callable[[TaskContext], Output]) -> Task[None, Output]: ...
    @overload
    def __call__(self, function: Callable[[Input, TaskContext], Awaitable[Output]]) -> Task[Input, Output]: ...
    @overload
    def __call__(self, function: Callable[[Input, TaskContext], Output]) -> Task[Input, Output]: ...
    @overload
    def __call__(self, function: Callable[[Input], Awaitable[Output]]) -> Task[Input, Output]: ...
    @overload
    def __call__(self, function: Callable[[Input], Output]) -> Task[Input, Output]: ...
    @overload
    def __call__(self, function: Callable[..., Any]) -> Task[Any, Any]: ...
    def __call__(self, function: Callable[..., Any]) -> Task[Any, Any]:
        """Makes a task of a function."""
        name = self._name if self._name is not None else function.__name__
        return Task(function, name=name, version=self._version, options=self._options)


@overload
def task(function: Callable[[], Awaitable[Output]], /) -> Task[None, Output]: ...
@overload
def task(function: Callable[[], Output], /) -> Task[None, Output]: ...
@overload
def task(function: Callable[[TaskContext], Awaitable[Output]], /) -> Task[None, Output]: ...
@overload
def task(function: Callable[[TaskContext], Output], /) -> Task[None, Output]: ...
@overload
def task(function: Callable[[Input, TaskContext], Awaitable[Output]], /) -> Task[Input, Output]: ...
@overload
def task(function: Callable[[Input, TaskContext], Output], /) -> Task[Input, Output]: ...
@overload
def task(function: Callable[[Input], Awaitable[Output]], /) -> Task[Input, Output]: ...
@overload
def task(function: Callable[[Input], Output], /) -> Task[Input, Output]: ...
@overload
def task(
    *,
    name: str | None = None,
    version: str = "1.0",
    queue: str | None = None,
    retry: Retry | None = None,
    timeout: Duration | None = None,
    queue_timeout: Duration | None = None,
    optional: bool | None = None,
    priority: int | None = None,
    concurrency: Concurrency | None = None,
    rate_limit: RateLimit | None = None,
) -> TaskDecorator: ...
@overload
def task(function: Callable[..., Any], /) -> Task[Any, Any]: ...
def task(
    function: Callable[..., Any] | None = None, /, *, name: str | None = None, version: str = "1.0", **options: Any
) -> Task[Any, Any] | TaskDecorator:
    """Makes a task of a function, plain or async: ``@task`` or ``@task(name="resize", timeout=30)``.

    The function takes its input, converted by its annotation, and a :class:`TaskContext` where it has a parameter
    ``ctx`` (or one annotated so). With several other parameters its input is an object with their names.

    Units: ``timeout`` and ``queue_timeout`` in seconds, or timedeltas.
    Errors: INVALID_FIELD naming the field that is out of range.
    """
    decorator = TaskDecorator(name, version, TaskOptions(**options))
    return decorator if function is None else decorator(function)


def check_range(value: Any, bounds: tuple[float, float], owner: str, field: str, *, whole: bool = False) -> None:
    """Errors: INVALID_FIELD unless ``value`` is a number within the bounds, both included."""
    number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if number and bounds[0] <= value <= bounds[1]:
        return
    kind = "a whole number" if whole else "a number"
    raise invalid(field, f"{owner}: {field} is {value!r}, must be {kind} in {bounds[0]:g}..{bounds[1]:g}")


def _check_identity(name: object, version: object, owner: str) -> None:
    size = len(name.encode("utf-8", "replace")) if isinstance(name, str) else 0
    if not 1 <= size <= MAX_NAME_BYTES:
        raise invalid("name", f"{owner}: name has {size} bytes, must have 1..{MAX_NAME_BYTES}")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise invalid("version", f'{owner}: version is {version!r}, must be "major.minor", e.g. "1.0"')


def _parameters_of(function: Callable[..., object], owner: str) -> tuple[list[inspect.Parameter], str | None]:
    if not callable(function):
        raise invalid("function", f"{owner}: it is a {type(function).__qualname__}, must be a function")
    inputs: list[inspect.Parameter] = []
    context: str | None = None
    for each in inspect.signature(function).parameters.values():
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            continue
        if each.kind is each.POSITIONAL_ONLY:
            raise invalid("function", f"{owner}: parameter {each.name} is positional only, must have a name")
        if each.name == "ctx" or _is_context(each.annotation):
            context = each.name
        else:
            inputs.append(each)
    return inputs, context


def _is_context(annotation: object) -> bool:
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return str(text).rsplit(".", 1)[-1] == "TaskContext"
