"""What goes on in the background."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from dependency_injector import providers

from adapters.arq.worker import ArqWorker
from adapters.postgres.roster import PostgresRoster
from adapters.postgres.used_keys import PostgresUsedKeys
from application.attachments.tidying import FileTidying
from application.extensions.scheduling import Scheduling
from application.identity.person_keeping import PersonKeeping
from application.jobs.duties import Duties, Duty, remove_old_jobs
from application.shared.used_keys import remove_old_keys
from application.webhooks.old_deliveries import remove_old_deliveries
from entrypoints.container.attachments import AttachmentParts
from entrypoints.ready_made import Runners

_HOURLY: Final = timedelta(hours=1)


def _duty(name: str, do: object, *given: object) -> providers.Factory[Duty]:
    return providers.Factory(Duty, name, _HOURLY, providers.Callable(partial, do, *given))


def _all(*duties: Duty, of_extensions: Sequence[Duty]) -> list[Duty]:
    return [*duties, *of_extensions]


class BackgroundParts(AttachmentParts):
    """What has to be done now and then, and all that goes on without being asked for."""

    scheduling = providers.Singleton(
        Scheduling,
        AttachmentParts.organisation_numbers,
        AttachmentParts.ledger_work,
        AttachmentParts.jobs,
        AttachmentParts.clock,
        AttachmentParts.ids,
    )
    used_keys = providers.Singleton(PostgresUsedKeys, AttachmentParts.service_engine)
    duties = providers.Singleton(
        Duties,
        providers.Singleton(PostgresRoster, AttachmentParts.service_engine),
        providers.Callable(
            _all,
            _duty("tidy", PersonKeeping.tidy, AttachmentParts.person_keeping),
            _duty("idempotency-keys", remove_old_keys, used_keys, AttachmentParts.clock),
            _duty("jobs", remove_old_jobs, AttachmentParts.kept_jobs, AttachmentParts.leases, AttachmentParts.clock),
            _duty("files", FileTidying.tidy, AttachmentParts.file_tidying),
            _duty(
                "webhook-deliveries",
                remove_old_deliveries,
                AttachmentParts.outbox,
                AttachmentParts.old_deliveries,
                AttachmentParts.clock,
            ),
            of_extensions=scheduling.provided.duties.call(AttachmentParts.bound_jobs),
        ),
        AttachmentParts.clock,
    )
    # Whatever goes on in the background is started and stopped with these, by servers and by workers alike.
    runners = providers.Singleton(
        Runners,
        always=providers.List(
            AttachmentParts.expiry, AttachmentParts.channels, AttachmentParts.relay, AttachmentParts.replicas
        ),
        of_workers=providers.List(
            AttachmentParts.job_runner,
            duties,
            AttachmentParts.webhook_dispatch,
            AttachmentParts.event_handling,
            providers.Singleton(ArqWorker, AttachmentParts.redis_url, AttachmentParts.job_runner.provided.take_up),
        ),
    )
