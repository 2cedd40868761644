"""All that can be read of an organisation's ledgers, inside one view of the database."""

from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.ledger.readers.accounts import PostgresAccounts
from adapters.postgres.ledger.readers.attachments import PostgresAttachments
from adapters.postgres.ledger.readers.audit import PostgresAudit
from adapters.postgres.ledger.readers.batches import PostgresBatches
from adapters.postgres.ledger.readers.events import PostgresEvents
from adapters.postgres.ledger.readers.holds import PostgresHolds
from adapters.postgres.ledger.readers.ledgers import PostgresLedgers
from adapters.postgres.ledger.readers.periods import PostgresPeriods
from adapters.postgres.ledger.readers.reports import PostgresReports
from adapters.postgres.ledger.readers.transactions import PostgresTransactions
from application.ledger.attachment_reader import AttachmentReader
from application.ledger.audit_reader import AuditReader
from application.ledger.batch_reader import BatchReader
from application.ledger.hold_reader import HoldReader
from application.ledger.ledger_reader import LedgerReader
from application.ledger.period_reader import PeriodReader
from application.ledger.readers import AccountReader, EventReader, TransactionReader
from application.ledger.report_reader import ReportReader
from application.shared.pagination import ROWS_READ_MAX


class PostgresLedgerReads:
    """The readers of one organisation, which see what `connection` sees. A page reads at most `rows_max` rows."""

    def __init__(self, connection: AsyncConnection, organisation_id: int, *, rows_max: int = ROWS_READ_MAX) -> None:
        self._connection = connection
        self._organisation_id = organisation_id
        self._rows_max = rows_max

    @property
    def ledgers(self) -> LedgerReader:
        """Return the reader of ledgers and settings."""
        return PostgresLedgers(self._connection, self._organisation_id, self._rows_max)

    @property
    def accounts(self) -> AccountReader:
        """Return the reader of accounts."""
        return PostgresAccounts(self._connection, self._organisation_id, self._rows_max)

    @property
    def transactions(self) -> TransactionReader:
        """Return the reader of transactions."""
        return PostgresTransactions(self._connection, self._organisation_id, self._rows_max)

    @property
    def batches(self) -> BatchReader:
        """Return the reader of many things at once."""
        return PostgresBatches(self._connection, self._organisation_id, self._rows_max)

    @property
    def holds(self) -> HoldReader:
        """Return the reader of holds."""
        return PostgresHolds(self._connection, self._organisation_id, self._rows_max)

    @property
    def periods(self) -> PeriodReader:
        """Return the reader of closed periods."""
        return PostgresPeriods(self._connection, self._organisation_id)

    @property
    def attachments(self) -> AttachmentReader:
        """Return the reader of attachments."""
        return PostgresAttachments(self._connection, self._organisation_id)

    @property
    def events(self) -> EventReader:
        """Return the reader of the log."""
        return PostgresEvents(self._connection, self._organisation_id)

    @property
    def audit(self) -> AuditReader:
        """Return the reader of all logs as one."""
        return PostgresAudit(self._connection, self._organisation_id, self._rows_max)

    @property
    def reports(self) -> ReportReader:
        """Return the reader of reports."""
        return PostgresReports(self._connection, self._organisation_id)
