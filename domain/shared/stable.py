"""What extensions may rely on: it changes by what is added to it, and never without a word in the changelog."""

from collections.abc import Callable
from typing import Any, TypeVar

Port = TypeVar("Port", bound=Callable[..., Any])


def stable(*, since: str) -> Callable[[Port], Port]:
    """Mark a class or a function as stable since that version: docs/extending.md says what that promises.

    Nothing else is done to it. A test goes through the source for all that is marked.
    """
    return lambda port: port
