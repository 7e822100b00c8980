"""Spanloom: every job an OpenTelemetry trace, every trace an Arrow table."""

from .client import Client
from .context import Dependency, TaskContext, TaskLog
from .errors import AttemptAborted, ErrorFacts, JobFailedError, RetryableError, SpanloomError, TerminalError
from .job_requests import JobConditions, JobOptions
from .jobs import JobHandle, Jobs
from .runner.options import RunnerOptions
from .runner.runner import Runner
from .runner.task_registry import tasks_of
from .snapshots import Attempt, Failure, Job, JobTrigger, Progress, QueueStats, TaskCounts, TaskInfo
from .submission import SubmissionBuilder, TaskHandles
from .task import Concurrency, RateLimit, Retry, Task, TaskOptions, declare, task
from .tracing.log_handler import SpanloomLogHandler
from .tracing.span_processor import SpanloomSpanProcessor
from .tracing.trace_context import TraceCarrier, active_carrier
from .triggers import Event, Firing, NewEvent, Schedule, Trigger
from .version import VERSION

__version__ = VERSION

__all__ = [
    "Attempt",
    "AttemptAborted",
    "Client",
    "Concurrency",
    "Dependency",
    "ErrorFacts",
    "Event",
    "Failure",
    "Firing",
    "Job",
    "JobConditions",
    "JobFailedError",
    "JobHandle",
    "JobOptions",
    "JobTrigger",
    "Jobs",
    "NewEvent",
    "Progress",
    "QueueStats",
    "RateLimit",
    "Retry",
    "RetryableError",
    "Runner",
    "RunnerOptions",
    "Schedule",
    "SpanloomError",
    "SpanloomLogHandler",
    "SpanloomSpanProcessor",
    "SubmissionBuilder",
    "Task",
    "TaskContext",
    "TaskCounts",
    "TaskHandles",
    "TaskInfo",
    "TaskLog",
    "TaskOptions",
    "TerminalError",
    "TraceCarrier",
    "Trigger",
    "__version__",
    "active_carrier",
    "declare",
    "task",
    "tasks_of",
]
