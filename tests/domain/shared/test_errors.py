from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages

import domain
from domain.shared.errors import Blame, DomainError, ErrorKind, ValidationFailed


def every_refusal() -> Iterator[type[DomainError]]:
    for module in walk_packages(domain.__path__, "domain."):
        import_module(module.name)
    waiting = DomainError.__subclasses__()
    while waiting:
        refusal = waiting.pop()
        yield refusal
        waiting += refusal.__subclasses__()


def test_every_refusal_says_its_code_its_kind_its_title_and_why() -> None:
    refusals = list(every_refusal())
    assert len(refusals) > 15
    for refusal in refusals:
        assert refusal.code == refusal.code.lower().replace(" ", "-").replace("_", "-")
        assert isinstance(refusal.kind, ErrorKind)
        assert refusal.title
        assert refusal.__doc__, refusal


def test_a_refusal_points_at_what_it_blames() -> None:
    assert ValidationFailed("No.", pointer="/a").blames == (Blame("/a", "No."),)
    assert ValidationFailed("No.").blames == ()
    assert str(ValidationFailed("No.")) == ValidationFailed("No.").detail == "No."
