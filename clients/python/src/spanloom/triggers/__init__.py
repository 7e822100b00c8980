"""What submits jobs without a person: schedules at times, triggers for events."""

from .events import Event, Events, NewEvent
from .firing import Firing
from .schedules import Schedule, Schedules
from .triggers import Trigger, Triggers

__all__ = ["Event", "Events", "Firing", "NewEvent", "Schedule", "Schedules", "Trigger", "Triggers"]
