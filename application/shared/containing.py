"""Containing: what others raise goes no further than a bug of ours would."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def contained() -> Iterator[None]:
    """Let nothing out of here that is no `Exception`, unless this process or this task is really to end.

    A `SystemExit`, a panic of Rust, or a cancellation that nobody has asked for is raised as a `RuntimeError`.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        if isinstance(error, asyncio.CancelledError) and _is_cancelled():
            raise
        raise RuntimeError(f"it raised what would end more than itself: {error!r}") from error


def _is_cancelled() -> bool:
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs here, where nothing can be cancelled
        return False
    return task is not None and task.cancelling() > 0
