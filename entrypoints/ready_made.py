"""What entrypoints are given: everything that they may use, without knowing what stands behind it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from application.attachments.attaching import Attaching
from application.attachments.fetching import Fetching
from application.identity.admission import Admission, Attempts
from application.identity.afterwards import Afterwards
from application.identity.api_keys import ApiKeys
from application.identity.authenticate import Authenticate
from application.identity.forgotten_password import ForgottenPassword
from application.identity.invitations import Inviting
from application.identity.key_uses import KeyUseMarks
from application.identity.letters import Letters
from application.identity.log_in import LogIn
from application.identity.members import MemberKeeping
from application.identity.oauth_clients import OAuthClients
from application.identity.oauth_consents import OAuthConsents
from application.identity.oauth_tokens import OAuthTokens
from application.identity.openid_ports import OpenIdProvider
from application.identity.organisations import OrganisationKeeping
from application.identity.own_account import OwnAccounts
from application.identity.ports import Directory, Organisations
from application.identity.refusal_log import RefusalLog
from application.identity.registration import Registration
from application.identity.roles import RoleKeeping
from application.identity.tickets import Tickets
from application.identity.token_keys import TokenKeyring
from application.interchange.importing import Importing
from application.jobs.keeping import JobKeeping
from application.ledger.journal import Journal
from application.ledger.readers import LedgerChanges, LedgerReads
from application.ledger.rebuild import Rebuilding
from application.ledger.relay import Relay
from application.ledger.verification import Verifications
from application.shared.answers import Answers
from application.shared.ports import Clock, Health, Ids, Runner, Signer, Work
from application.shared.rate_limits import Counting
from application.shared.telemetry import Metrics, Telemetry
from application.webhooks.keeping import WebhookKeeping
from application.webhooks.operating import WebhookOperation
from entrypoints.extending import ExtensionServices
from entrypoints.extending.loading import Extensions
from entrypoints.settings import Settings


@dataclass(frozen=True, slots=True)
class Persons:
    """What persons may do that belongs to no organisation."""

    registration: Registration
    log_in: LogIn
    accounts: OwnAccounts
    forgotten_password: ForgottenPassword
    letters: Letters
    afterwards: Afterwards


@dataclass(frozen=True, slots=True)
class OAuth:
    """Which programs may act for organisations and persons, and where else persons may log in."""

    clients: OAuthClients
    consents: OAuthConsents
    tokens: OAuthTokens
    provider: OpenIdProvider | None


@dataclass(frozen=True, slots=True)
class Attachments:
    """Files that are attached: taking them in, and giving them out."""

    attaching: Attaching
    fetching: Fetching


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Who is told of events, and what became of that."""

    keeping: WebhookKeeping
    operation: WebhookOperation


@dataclass(frozen=True, slots=True)
class Runners:
    """What goes on in the background, in the order in which it is started.

    `always` goes on in every server and every worker; `of_workers` in servers only where they do the work of workers.
    """

    always: Sequence[Runner]
    of_workers: Sequence[Runner]

    def start(self, *, with_work: bool) -> None:
        """Start all of it, on the running loop, or only what goes on always."""
        for runner in self._chosen(with_work):
            runner.start()

    async def stop(self, *, with_work: bool) -> None:
        """Stop what was started, what came last first."""
        for runner in reversed(self._chosen(with_work)):
            await runner.stop()

    def _chosen(self, with_work: bool) -> Sequence[Runner]:
        return (*self.always, *(self.of_workers if with_work else ()))


@dataclass(slots=True)
class Lifecycle:
    """How far the process is: it is to be sent requests once it was ready, and until it is to stop."""

    has_started: bool = False
    is_stopping: bool = False


@dataclass(frozen=True, slots=True)
class Services:
    """All that an entrypoint may use, ready-made."""

    settings: Settings
    clock: Clock
    ids: Ids
    journal: Journal
    runners: Runners
    jobs: JobKeeping
    extensions: Extensions
    extension_services: Mapping[str, ExtensionServices]
    ledgers: Work[LedgerReads, LedgerChanges]
    answers: Answers
    verifications: Verifications
    organisations: Organisations
    api_keys: ApiKeys
    oauth: OAuth
    key_uses: KeyUseMarks
    member_keeping: MemberKeeping
    inviting: Inviting
    role_keeping: RoleKeeping
    organisation_keeping: OrganisationKeeping
    authenticate: Authenticate
    refusals: RefusalLog
    admission: Admission
    attempts: Attempts
    counting: Counting
    relay: Relay
    tickets: Tickets
    token_keys: TokenKeyring
    persons: Persons
    webhooks: Webhooks
    attachments: Attachments
    importing: Importing
    signer: Signer
    cursor_key: bytes
    database_health: Health
    redis_health: Health
    replica_health: Health
    telemetry: Telemetry
    metrics: Metrics | None
    lifecycle: Lifecycle

    async def end(self, *, with_work: bool) -> None:
        """Stop what goes on in the background, then bring to an end what was begun: mail, groups of commands, marks.

        `with_work` is what the runners were started with. Nothing may be asked for any more.
        """
        self.refusals.end_window()
        await self.runners.stop(with_work=with_work)
        await self.counting.stop()
        # A runner may have posted letters up to its last moment.
        await self.persons.afterwards.settle()
        await self.persons.letters.settle()
        await self.journal.close()
        await self.key_uses.settle()


@dataclass(frozen=True, slots=True)
class Maintenance:
    """What whoever runs the server may do with its database, ready-made."""

    directory: Directory
    rebuilding: Rebuilding
    migrate: Callable[[], Awaitable[None]]
    require_migrated: Callable[[], Awaitable[None]]
    require_bound_log_ins: Callable[[], Awaitable[None]]
