"""A job as a schedule or trigger submits it: a submission without key, time and trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import invalid
from ..job_requests import JobOptions, submit_request
from ..submission import SubmissionBuilder
from ..task import Task
from ..tracing.client_spans import ClientSpan
from ..v1 import job_service_pb2

# Each job has a trace of its own, and its time and key from what fires it.
OPTIONS = ("tags", "queue", "priority", "deadline", "concurrency", "retry", "display")


def to_template(
    task: Task[Any, Any], input: object, options: Mapping[str, Any], owner: str
) -> job_service_pb2.SubmitJobRequest:
    """The template; ``options`` are ``job_name`` and those of a job that OPTIONS names. Errors: INVALID_FIELD."""
    rest = dict(options)
    name = rest.pop("job_name", None) or task.name
    unknown = rest.keys() - set(OPTIONS)
    if unknown:
        known = ", ".join(("job_name", *OPTIONS))
        raise invalid(min(unknown), f"{owner}: {min(unknown)} is no option of its jobs; they are {known}")
    wanted = JobOptions(**rest, trace=False)
    roots = SubmissionBuilder()
    roots.submit(task, input, retry=wanted.retry, display=wanted.display)
    request = submit_request(roots, wanted, name, span=ClientSpan())
    request.ClearField("idempotency_key")
    request.ClearField("trace_mode")
    return request
