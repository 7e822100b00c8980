"""Triggers, which submit jobs for events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ..errors import invalid
from ..rpc.connection import Connection
from ..rpc.pages import pages
from ..rpc.services import Calls
from ..snapshots import time_of
from ..task import Task
from ..v1 import trigger_service_pb2 as pb
from .firing import Firing, to_firing
from .template import to_template

# Stands for no root task, so that all keep their own input.
NO_TASK = "-"


@dataclass(frozen=True)
class Trigger:
    """A trigger as it stands; ``last_error`` says why it last could not fire."""

    id: str
    name: str
    description: str
    on: str
    when: str
    job_name: str
    input: str
    paused: bool
    pause_reason: str
    created_at: datetime | None
    updated_at: datetime | None
    last_firing: Firing | None
    last_error: str | None
    revision: int


class Triggers:
    """Triggers of one server. Made by a Client.

    Triggers are named and every call may be sent again, so all are repeated on transient errors.

    Errors: TRIGGER_NOT_FOUND for a name that none has; STORE_UNAVAILABLE after five tries.
    Concurrency: safe from any thread.
    """

    def __init__(self, connection: Connection) -> None:
        self._call = Calls(connection, "TriggerService")

    def put(
        self,
        name: str,
        task: Task[Any, Any],
        *,
        on: str,
        when: str = "",
        input: str = "",
        fixed_input: object = None,
        trace_mode: Literal["child", "link"] = "link",
        **options: Any,
    ) -> Trigger:
        """Makes a trigger, or changes the one of that name to be as given. The same again changes nothing.

        ``on`` is a pattern of keys: segments parted by dots, ``*`` for any one, ``**`` for one or more. ``when`` is a
        condition, and ``input`` the task's input, in the Common Expression Language over ``event``; by default all
        events are taken, and the input is the payload. ``fixed_input`` is the same for every event. ``options`` are
        ``description``, ``keep_firings``, ``paused``, and those of its jobs, as of a schedule.

        Errors: INVALID_FIELD naming the field, LIMIT_EXCEEDED.
        """
        owner = f'cannot put trigger "{name}"'
        if input and fixed_input is not None:
            raise invalid("fixed_input", f"{owner}: both input and fixed_input are given, must be at most one")
        if trace_mode not in ("child", "link"):
            raise invalid("trace_mode", f'{owner}: trace_mode is "{trace_mode}", must be child or link')
        rest = dict(options)
        request = pb.PutTriggerRequest(
            name=name,
            description=rest.pop("description", ""),
            key_pattern=on,
            filter=when,
            input=input,
            input_task="" if fixed_input is None else NO_TASK,
            keep_firings=rest.pop("keep_firings", 0),
            paused=rest.pop("paused", False),
            job=to_template(task, fixed_input, rest, owner),
            trace_mode=f"TRACE_MODE_{trace_mode.upper()}",
        )
        return to_trigger(self._call("PutTrigger", request, pb.PutTriggerResponse).trigger)

    def get(self, name: str) -> Trigger:
        """A trigger. Errors: TRIGGER_NOT_FOUND."""
        return to_trigger(self._call("GetTrigger", pb.GetTriggerRequest(name=name), pb.GetTriggerResponse).trigger)

    def list(self, *, name_prefix: str = "", paused: bool | None = None, limit: int | None = None) -> Iterator[Trigger]:
        """Triggers by name, page by page as they are read."""

        def page(size: int, token: str) -> tuple[list[Trigger], str]:
            request = pb.ListTriggersRequest(name_prefix=name_prefix, page_size=size, page_token=token)
            if paused is not None:
                request.paused = paused
            answer = self._call("ListTriggers", request, pb.ListTriggersResponse)
            return [to_trigger(each) for each in answer.triggers], answer.next_page_token

        return pages(page, limit)

    def delete(self, name: str) -> bool:
        """Deletes a trigger, whose jobs stay; tells whether it was there until now."""
        return self._call("DeleteTrigger", pb.DeleteTriggerRequest(name=name), pb.DeleteTriggerResponse).deleted

    def pause(self, name: str, reason: str = "") -> Trigger:
        """Stops a trigger from firing until it is resumed. Errors: TRIGGER_NOT_FOUND."""
        request = pb.PauseTriggerRequest(name=name, reason=reason)
        return to_trigger(self._call("PauseTrigger", request, pb.PauseTriggerResponse).trigger)

    def resume(self, name: str) -> Trigger:
        """Lets a trigger fire again, for the events from now on."""
        request = pb.ResumeTriggerRequest(name=name)
        return to_trigger(self._call("ResumeTrigger", request, pb.ResumeTriggerResponse).trigger)


def to_trigger(trigger: pb.Trigger) -> Trigger:
    """A trigger of the protocol as plain data."""
    return Trigger(
        id=trigger.id,
        name=trigger.name,
        description=trigger.description,
        on=trigger.key_pattern,
        when=trigger.filter,
        job_name=trigger.job.name,
        input=trigger.input,
        paused=trigger.paused,
        pause_reason=trigger.pause_reason,
        created_at=time_of(trigger, "created_at"),
        updated_at=time_of(trigger, "updated_at"),
        last_firing=to_firing(trigger.last_firing) if trigger.HasField("last_firing") else None,
        last_error=trigger.last_error or None,
        revision=trigger.revision,
    )
