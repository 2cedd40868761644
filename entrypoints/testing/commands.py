"""What every `Command` promises. Subclass it, in a class whose name begins with `Test`, and give the fixtures."""

from collections.abc import Sequence

import pytest

from application.ledger.ports import Command
from domain.ledger.scope import Scope
from domain.ledger.soundness import require_sound
from domain.shared.access import Permission, Principal
from domain.shared.errors import PermissionDenied
from entrypoints.container.in_memory import SLUG, LedgerInMemory


class CommandContract:
    """A command decides by what its scope names alone, changes nothing by itself, and takes a permission."""

    @pytest.fixture
    def before(self) -> Sequence[Command]:
        """What is done in the ledger before it."""
        return ()

    @pytest.fixture
    def command(self) -> Command:
        """A command that is accepted after those, and does something."""
        raise NotImplementedError

    @pytest.fixture
    async def ledger(self, before: Sequence[Command]) -> LedgerInMemory:
        """The ledger that it is done in."""
        ledger = LedgerInMemory()
        for each in before:
            await ledger.journal().submit(ledger.principal, SLUG, each, request_id="req_before")
        return ledger

    def test_it_names_a_permission_and_its_size(self, command: Command) -> None:
        assert isinstance(command.permission, Permission)
        assert command.size >= 0
        assert isinstance(command.scope(), Scope)

    async def test_who_lacks_the_permission_is_refused(self, command: Command, ledger: LedgerInMemory) -> None:
        nobody = Principal(1, "key_nobody", ())
        with pytest.raises(PermissionDenied):
            await ledger.journal().submit(nobody, SLUG, command, request_id="req_nobody")

    async def test_its_scope_is_all_that_it_needs(self, command: Command, ledger: LedgerInMemory) -> None:
        """A store that loads no more than that notices what is missing."""
        before = len(ledger.log())
        outcome = await ledger.journal().submit(ledger.principal, SLUG, command, request_id="req_it")
        assert outcome.applied
        assert len(ledger.log()) == before + len(outcome.applied)

    async def test_what_it_makes_is_sound(self, command: Command, ledger: LedgerInMemory) -> None:
        """Debits equal credits, and names are such as accounts and assets may have."""
        async with ledger.books.snapshot(ledger.address) as snapshot:
            for event in command.execute(await snapshot.load(command.scope()), ledger.clock.now()):
                require_sound(event)

    async def test_it_decides_the_same_again_and_changes_nothing(
        self, command: Command, ledger: LedgerInMemory
    ) -> None:
        now = ledger.clock.now()
        async with ledger.books.snapshot(ledger.address) as snapshot:
            book = await snapshot.load(command.scope())
            untouched = book.fork()
            first = command.execute(book, now)
            assert book == untouched
            assert [each.data() for each in command.execute(book, now)] == [each.data() for each in first]

    async def test_a_dry_run_keeps_nothing(self, command: Command, ledger: LedgerInMemory) -> None:
        before = len(ledger.log())
        assert (await ledger.journal().try_out(ledger.principal, SLUG, command)).applied
        assert len(ledger.log()) == before
