"""What a task's dependencies left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..context import Dependency
from ..payload import decode_payload
from ..rpc.connection import Connection
from ..rpc.retry import call_with_retry
from ..snapshots import task_state_name, to_failure
from ..v1 import task_pb2, task_service_pb2


def dependency_reader(connection: Connection) -> Callable[[task_pb2.LeasedTask], Iterator[Dependency]]:
    """Reads dependencies in submission order: as leased, or page by page."""

    def read(task: task_pb2.LeasedTask) -> Iterator[Dependency]:
        if not task.dependencies_paged:
            yield from map(_to_dependency, task.dependencies)
            return
        request = task_service_pb2.ListDependencyOutputsRequest(
            task_id=task.task_id, attempt=task.attempt, lease_token=task.lease_token
        )
        while True:
            page = call_with_retry(
                lambda: connection.unary(
                    "TaskService/ListDependencyOutputs", request, task_service_pb2.ListDependencyOutputsResponse
                )
            )
            yield from map(_to_dependency, page.dependencies)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    return read


def _to_dependency(each: task_pb2.DependencyOutput) -> Dependency:
    succeeded = each.state == task_pb2.TASK_STATE_SUCCEEDED
    owner = f'cannot read the output of dependency "{each.name}" ({each.task_id})'
    return Dependency(
        task_id=each.task_id,
        name=each.name,
        state=task_state_name(each.state),
        output=decode_payload(each.output, owner) if succeeded else None,
        failure=to_failure(each.failure) if each.HasField("failure") else None,
    )
