"""Types that are inferred; mypy is what fails here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import assert_type

from spanloom import Client, JobHandle, Task, TaskContext, task


@task
def plain(n: int) -> str:
    return str(n)


@task
def with_context(n: int, ctx: TaskContext) -> str:
    return str(n)


@task(name="later")
async def later(n: int) -> float:
    return float(n)


@task(name="later-with-context")
async def later_with_context(n: int, ctx: TaskContext) -> list[str]:
    return [str(n)]


@task
def without() -> bool:
    return True


@task
async def with_context_alone(ctx: TaskContext) -> bytes:
    return b""


def test_infers_what_tasks_take_and_return() -> None:
    assert_type(plain, Task[int, str])
    assert_type(with_context, Task[int, str])
    assert_type(later, Task[int, float])
    assert_type(later_with_context, Task[int, list[str]])
    assert_type(without, Task[None, bool])
    assert_type(with_context_alone, Task[None, bytes])
    if TYPE_CHECKING:
        assert_type(Client().jobs.submit(later, 1), JobHandle[float])
        assert_type(Client().jobs.submit(plain, 1).result(), str)
        assert_type(Client().jobs.submit_many(plain, [1])[0].result(), str)
