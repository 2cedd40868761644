"""What goes on in the background."""

from datetime import timedelta
from functools import partial
from typing import Final

from dependency_injector import providers

from adapters.arq.worker import ArqWorker
from adapters.postgres.roster import PostgresRoster
from adapters.postgres.used_keys import PostgresUsedKeys
from application.identity.person_keeping import PersonKeeping
from application.jobs.duties import Duties, Duty, remove_old_jobs
from application.shared.used_keys import remove_old_keys
from application.webhooks.old_deliveries import remove_old_deliveries
from entrypoints.container.webhooks import WebhookParts
from entrypoints.ready_made import Runners

_HOURLY: Final = timedelta(hours=1)


def _duty(name: str, do: object, *given: object) -> providers.Factory[Duty]:
    return providers.Factory(Duty, name, _HOURLY, providers.Callable(partial, do, *given))


class BackgroundParts(WebhookParts):
    """What has to be done now and then, and all that goes on without being asked for."""

    used_keys = providers.Singleton(PostgresUsedKeys, WebhookParts.service_engine)
    duties = providers.Singleton(
        Duties,
        providers.Singleton(PostgresRoster, WebhookParts.service_engine),
        providers.List(
            _duty("tidy", PersonKeeping.tidy, WebhookParts.person_keeping),
            _duty("idempotency-keys", remove_old_keys, used_keys, WebhookParts.clock),
            _duty("jobs", remove_old_jobs, WebhookParts.kept_jobs, WebhookParts.leases, WebhookParts.clock),
            _duty(
                "webhook-deliveries",
                remove_old_deliveries,
                WebhookParts.outbox,
                WebhookParts.old_deliveries,
                WebhookParts.clock,
            ),
        ),
        WebhookParts.clock,
    )
    # Whatever goes on in the background is started and stopped with these, by servers and by workers alike.
    runners = providers.Singleton(
        Runners,
        always=providers.List(WebhookParts.expiry, WebhookParts.channels, WebhookParts.relay),
        of_workers=providers.List(
            WebhookParts.job_runner,
            duties,
            WebhookParts.webhook_dispatch,
            providers.Singleton(ArqWorker, WebhookParts.redis_url, WebhookParts.job_runner.provided.take_up),
        ),
    )
