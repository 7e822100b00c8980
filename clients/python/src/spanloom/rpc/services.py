"""The calls this package makes, typed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from google.protobuf.message import Message

from ..v1 import job_service_pb2 as jobs
from .connection import Connection, message_reader
from .retry import call_with_retry

Answer = TypeVar("Answer", bound=Message)


class Calls:
    """Unary calls of one service, made again on transient errors: each may reach the server twice without harm."""

    def __init__(self, connection: Connection, service: str) -> None:
        self._connection = connection
        self._service = service

    def __call__(self, method: str, request: Message, answer: type[Answer]) -> Answer:
        """One call, e.g. of ``GetJob``."""
        return call_with_retry(lambda: self._connection.unary(f"{self._service}/{method}", request, answer))


class JobCalls:
    """JobService: unary calls are made again on transient errors, as each may reach the server twice without harm."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._call = Calls(connection, "JobService")

    def submit_jobs(self, request: jobs.SubmitJobsRequest) -> jobs.SubmitJobsResponse:
        """SubmitJobs."""
        return self._call("SubmitJobs", request, jobs.SubmitJobsResponse)

    def submit_job(self, request: jobs.SubmitJobRequest) -> jobs.SubmitJobResponse:
        """SubmitJob."""
        return self._call("SubmitJob", request, jobs.SubmitJobResponse)

    def get_job(self, request: jobs.GetJobRequest) -> jobs.GetJobResponse:
        """GetJob."""
        return self._call("GetJob", request, jobs.GetJobResponse)

    def list_jobs(self, request: jobs.ListJobsRequest) -> jobs.ListJobsResponse:
        """ListJobs."""
        return self._call("ListJobs", request, jobs.ListJobsResponse)

    def list_tasks(self, request: jobs.ListTasksRequest) -> jobs.ListTasksResponse:
        """ListTasks."""
        return self._call("ListTasks", request, jobs.ListTasksResponse)

    def get_task(self, request: jobs.GetTaskRequest) -> jobs.GetTaskResponse:
        """GetTask."""
        return self._call("GetTask", request, jobs.GetTaskResponse)

    def cancel_job(self, request: jobs.CancelJobRequest) -> jobs.CancelJobResponse:
        """CancelJob."""
        return self._call("CancelJob", request, jobs.CancelJobResponse)

    def retry_job(self, request: jobs.RetryJobRequest) -> jobs.RetryJobResponse:
        """RetryJob."""
        return self._call("RetryJob", request, jobs.RetryJobResponse)

    def clone_job(self, request: jobs.CloneJobRequest) -> jobs.CloneJobResponse:
        """CloneJob."""
        return self._call("CloneJob", request, jobs.CloneJobResponse)

    def count_jobs(self, request: jobs.CountJobsRequest) -> jobs.CountJobsResponse:
        """CountJobs."""
        return self._call("CountJobs", request, jobs.CountJobsResponse)

    def get_queue_stats(self, request: jobs.GetQueueStatsRequest) -> jobs.GetQueueStatsResponse:
        """GetQueueStats."""
        return self._call("GetQueueStats", request, jobs.GetQueueStatsResponse)

    def wait_jobs(self, request: jobs.WaitJobsRequest, timeout: float) -> jobs.WaitJobsResponse:
        """WaitJobs, once."""
        return self._connection.unary("JobService/WaitJobs", request, jobs.WaitJobsResponse, timeout=timeout)

    def watch_job(self, request: jobs.WatchJobRequest) -> Iterator[jobs.WatchJobResponse]:
        """WatchJob, once."""
        return self._connection.stream("JobService/WatchJob", request, message_reader(jobs.WatchJobResponse))
