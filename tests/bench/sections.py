"""What `make bench` can measure alone."""

from collections.abc import Mapping
from enum import Enum
from typing import Final


class Section(Enum):
    """A part of the measurements. The ceilings are measured beside what they are ceilings of."""

    ACCESS = "access"
    JOURNAL = "journal"
    BULK = "bulk"
    POSTS = "posts"
    READS = "reads"
    IMPORT = "import"
    JOURNALS = "journals"
    EXPORTS = "exports"
    TIME_TRAVEL = "time-travel"
    WEBHOOKS = "webhooks"
    REALTIME = "realtime"
    ATTACHMENTS = "attachments"
    TELEMETRY = "telemetry"
    SIZES = "sizes"


WORDS: Final[Mapping[Section, str]] = {
    Section.ACCESS: (
        "what it costs a request to be authenticated, authorised and counted, where its caller is remembered, and "
        "what the headers cost"
    ),
    Section.JOURNAL: (
        "the journal in one process, over 10,000 accounts and over 10, with and without idempotency keys, and "
        "beside an export"
    ),
    Section.BULK: "NDJSON over HTTP, alone and with single posts beside it",
    Section.POSTS: "single posts over HTTP, with 1 client and with 64",
    Section.READS: "balances of an account, an account, the last ten transactions over HTTP, with 1 client and with 16",
    Section.IMPORT: "a million transactions: server memory, and whether the last ones are as quick as the first",
    Section.JOURNALS: "a journal of hledger with 100,000 transactions: read, posted by a job; and the server's memory",
    Section.EXPORTS: "a ledger written as each format that there is, and how much memory that takes",
    Section.TIME_TRAVEL: (
        "an account's balance now, as of a time, a sequence and both, in 10 million entries and in 10 thousand by "
        "turns; with 1% of the entries late, and with nearly all"
    ),
    Section.WEBHOOKS: (
        "deliveries of one process to a receiver on this machine that answers at once: to one webhook, to one in "
        "order, to ten"
    ),
    Section.REALTIME: (
        "from commit to delivery over WebSockets: to 10,000 subscribers of an account each at 1,000 transactions a "
        "second, to 1,000 of a whole ledger; messages a second and core; the memory of subscribers"
    ),
    Section.ATTACHMENTS: "files of a gigabyte, up and down: megabytes a second and core, and the memory of the server",
    Section.TELEMETRY: (
        "single posts over HTTP by turns: watched by nobody; with figures, traces, the log as JSON and errors on; with "
        "every request traced"
    ),
    Section.SIZES: (
        "posts and reads in ledgers of 10 thousand, 100 thousand and a million entries, the room that entries take; "
        "posts to one ledger, to 100 and to 10,000"
    ),
}
