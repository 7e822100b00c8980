"""Schedules, which submit jobs at times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ..durations import Duration, check_seconds, from_timestamp, to_duration, to_timestamp
from ..errors import invalid
from ..ids import new_id
from ..rpc.connection import Connection
from ..rpc.pages import pages
from ..rpc.services import Calls
from ..snapshots import time_of
from ..task import Task
from ..tracing.client_spans import ClientSpans
from ..tracing.trace_context import active_carrier
from ..v1 import trigger_service_pb2 as pb
from .firing import Firing, to_firing
from .template import to_template

Overlap = Literal["skip", "queue_one", "allow", "cancel_running"]


@dataclass(frozen=True)
class Schedule:
    """A schedule as it stands; ``next_times`` are the times it fires next, ``last_error`` why it last could not."""

    id: str
    name: str
    description: str
    job_name: str
    overlap: str
    paused: bool
    pause_reason: str
    created_at: datetime | None
    updated_at: datetime | None
    next_times: tuple[datetime, ...]
    last_firing: Firing | None
    last_error: str | None
    revision: int


class Schedules:
    """Schedules of one server. Made by a Client.

    Schedules are named and every call may be sent again, so all are repeated on transient errors.

    Errors: SCHEDULE_NOT_FOUND for a name that none has; STORE_UNAVAILABLE after five tries.
    Concurrency: safe from any thread.
    """

    def __init__(self, connection: Connection, *, tracing: bool = True) -> None:
        self._call = Calls(connection, "TriggerService")
        self._spans = ClientSpans(connection.url, tracing)

    def put(
        self,
        name: str,
        task: Task[Any, Any],
        input: object = None,
        *,
        times: Mapping[str, Any],
        overlap: Overlap = "skip",
        catch_up: Duration | None = None,
        **options: Any,
    ) -> Schedule:
        """Makes a schedule, or changes the one of that name to be as given. The same again changes nothing.

        ``times`` is one of ``{"cron": "0 7 * * *", "time_zone": "Europe/Berlin"}``, ``{"every": 60, "anchor": when}``
        and ``{"once": when}``, each with ``jitter`` as well; ``options`` are ``description``, ``keep_firings``,
        ``paused``, and those of its jobs: ``job_name``, ``tags``, ``queue``, ``priority``, ``deadline``,
        ``concurrency``, ``retry``, ``display``. What is left out has its default again, but for being paused.

        Units: ``every``, ``jitter`` and ``catch_up`` in seconds, or timedeltas.
        Errors: INVALID_FIELD naming the field, LIMIT_EXCEEDED.
        """
        owner = f'cannot put schedule "{name}"'
        rest = dict(options)
        policy = f"OVERLAP_POLICY_{overlap.upper()}"
        if policy not in pb.OverlapPolicy.keys()[1:]:
            why = f'overlap is "{overlap}", must be skip, queue_one, allow or cancel_running'
            raise invalid("overlap", f"{owner}: {why}")
        request = pb.PutScheduleRequest(
            name=name,
            description=rest.pop("description", ""),
            spec=_to_spec(times, owner),
            overlap=policy,
            keep_firings=rest.pop("keep_firings", 0),
            paused=rest.pop("paused", False),
            job=to_template(task, input, rest, owner),
        )
        if catch_up is not None:
            request.catch_up.CopyFrom(to_duration(check_seconds(catch_up, owner, "catch_up")))
        return to_schedule(self._call("PutSchedule", request, pb.PutScheduleResponse).schedule)

    def get(self, name: str) -> Schedule:
        """A schedule. Errors: SCHEDULE_NOT_FOUND."""
        answer = self._call("GetSchedule", pb.GetScheduleRequest(name=name), pb.GetScheduleResponse)
        return to_schedule(answer.schedule)

    def list(
        self, *, name_prefix: str = "", paused: bool | None = None, limit: int | None = None
    ) -> Iterator[Schedule]:
        """Schedules by name, page by page as they are read."""

        def page(size: int, token: str) -> tuple[list[Schedule], str]:
            request = pb.ListSchedulesRequest(name_prefix=name_prefix, page_size=size, page_token=token)
            if paused is not None:
                request.paused = paused
            answer = self._call("ListSchedules", request, pb.ListSchedulesResponse)
            return [to_schedule(each) for each in answer.schedules], answer.next_page_token

        return pages(page, limit)

    def delete(self, name: str) -> bool:
        """Deletes a schedule, whose jobs stay; tells whether it was there until now."""
        return self._call("DeleteSchedule", pb.DeleteScheduleRequest(name=name), pb.DeleteScheduleResponse).deleted

    def pause(self, name: str, reason: str = "") -> Schedule:
        """Stops a schedule from firing until it is resumed. Errors: SCHEDULE_NOT_FOUND."""
        request = pb.PauseScheduleRequest(name=name, reason=reason)
        return to_schedule(self._call("PauseSchedule", request, pb.PauseScheduleResponse).schedule)

    def resume(self, name: str) -> Schedule:
        """Lets a schedule fire again, from its next time on: those it passed are not caught up with."""
        request = pb.ResumeScheduleRequest(name=name)
        return to_schedule(self._call("ResumeSchedule", request, pb.ResumeScheduleResponse).schedule)

    def fire(self, name: str, *, idempotency_key: str | None = None) -> Firing:
        """Fires a schedule now, beside its times, also one that is paused. The same key fires once."""
        request = pb.FireScheduleRequest(name=name, idempotency_key=idempotency_key or new_id())
        with self._spans.trace("fire", name) as span:
            carrier = span.carrier or active_carrier()
            if carrier:
                request.trace.CopyFrom(carrier.to_message())
            return to_firing(self._call("FireSchedule", request, pb.FireScheduleResponse).firing)


def to_schedule(schedule: pb.Schedule) -> Schedule:
    """A schedule of the protocol as plain data."""
    policy = pb.OverlapPolicy.DESCRIPTOR.values_by_number.get(schedule.overlap)
    return Schedule(
        id=schedule.id,
        name=schedule.name,
        description=schedule.description,
        job_name=schedule.job.name,
        overlap=str(policy.name).removeprefix("OVERLAP_POLICY_").lower() if policy else str(schedule.overlap),
        paused=schedule.paused,
        pause_reason=schedule.pause_reason,
        created_at=time_of(schedule, "created_at"),
        updated_at=time_of(schedule, "updated_at"),
        next_times=tuple(from_timestamp(each) for each in schedule.next_times),
        last_firing=to_firing(schedule.last_firing) if schedule.HasField("last_firing") else None,
        last_error=schedule.last_error or None,
        revision=schedule.revision,
    )


def _to_spec(times: Mapping[str, Any], owner: str) -> pb.ScheduleSpec:
    kinds = [kind for kind in ("cron", "every", "once") if kind in times]
    if len(kinds) != 1:
        raise invalid("times", f"{owner}: times has {kinds or 'none'} of cron, every and once, must have one")
    allowed = {"cron": {"cron", "time_zone"}, "every": {"every", "anchor"}, "once": {"once"}}[kinds[0]] | {"jitter"}
    if unknown := times.keys() - allowed:
        raise invalid(f"times.{min(unknown)}", f"{owner}: times.{min(unknown)} does not go with {kinds[0]}")
    spec = pb.ScheduleSpec()
    if kinds[0] == "cron":
        spec.cron.expression, spec.cron.time_zone = times["cron"], times.get("time_zone", "")
    elif kinds[0] == "every":
        spec.interval.every.CopyFrom(to_duration(check_seconds(times["every"], owner, "times.every", 1e-9)))
        if "anchor" in times:
            spec.interval.anchor.CopyFrom(to_timestamp(times["anchor"], owner, "times.anchor"))
    else:
        spec.once.CopyFrom(to_timestamp(times["once"], owner, "times.once"))
    if "jitter" in times:
        spec.jitter.CopyFrom(to_duration(check_seconds(times["jitter"], owner, "times.jitter")))
    return spec
