"""Queries about whole jobs."""

from __future__ import annotations

from ..rpc.connection import Connection
from ..v1 import query_service_pb2 as pb
from .arrow_query import ArrowQuery


def critical_path(connection: Connection, job_id: str, *, user_spans: bool = False) -> ArrowQuery:
    """What decided how long a job took: segments in order of time, whose lengths sum to the job's duration."""
    request = pb.GetCriticalPathRequest(job_id=job_id, include_user_spans=user_spans)
    return ArrowQuery(connection, "GetCriticalPath", lambda: request)


def compare(connection: Connection, base_job_id: str, other_job_id: str) -> ArrowQuery:
    """Two jobs compared by span name: one row for each."""
    request = pb.CompareJobsRequest(base_job_id=base_job_id, other_job_id=other_job_id)
    return ArrowQuery(connection, "CompareJobs", lambda: request)
