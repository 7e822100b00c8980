"""What schedules and triggers fired, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..snapshots import job_state_name, time_of
from ..v1 import firing_pb2


@dataclass(frozen=True)
class Firing:
    """One firing: SUBMITTED a job, or SKIPPED, MISSED or FAILED, and then ``error`` says why.

    ``scheduled_at`` is the time of a schedule, ``event_id`` the event of a trigger; None when there is none.
    """

    id: str
    outcome: str
    scheduled_at: datetime | None
    fired_at: datetime | None
    job_id: str | None
    job_state: str | None
    event_id: str | None
    error: str | None


def to_firing(firing: firing_pb2.Firing) -> Firing:
    """A firing of the protocol as plain data."""
    value = firing_pb2.FiringOutcome.DESCRIPTOR.values_by_number.get(firing.outcome)
    return Firing(
        id=firing.id,
        outcome=str(value.name).removeprefix("FIRING_OUTCOME_") if value else str(firing.outcome),
        scheduled_at=time_of(firing, "scheduled_at"),
        fired_at=time_of(firing, "fired_at"),
        job_id=firing.job_id or None,
        job_state=job_state_name(firing.job_state) if firing.job_state else None,
        event_id=firing.event_id or None,
        error=firing.error or None,
    )
