"""Webhooks: who is told of events, and how events get there."""

from datetime import timedelta

from dependency_injector import providers

from adapters.http_client.webhook_post import HttpPost
from adapters.postgres.webhooks.endpoints import PostgresWebhooks
from adapters.postgres.webhooks.old_deliveries import PostgresOldDeliveries
from adapters.postgres.webhooks.outbox import PostgresOutbox
from adapters.postgres.work import PostgresWork
from adapters.security.sealing import ChaChaSealing
from application.webhooks.dispatch import WebhookDispatch
from application.webhooks.keeping import WebhookKeeping
from application.webhooks.operating import WebhookOperation
from application.webhooks.pausing import WebhookPausing
from application.webhooks.sealed_secrets import SealedSecrets
from application.webhooks.sending import LEASE_SECONDS, Sending
from entrypoints.container.jobs import JobParts
from entrypoints.ready_made import Webhooks


class WebhookParts(JobParts):
    """Who is told of events, and how events get there."""

    webhook_work = providers.Singleton(
        PostgresWork, JobParts.service_engine, reads=PostgresWebhooks, changes=PostgresWebhooks
    )
    webhook_secrets = providers.Singleton(
        SealedSecrets,
        JobParts.secrets,
        providers.Singleton(ChaChaSealing, JobParts.signer.provided.derive.call("webhook secrets")),
    )
    webhook_networks = JobParts.settings.provided.webhook_allowed_networks
    webhook_post = providers.Singleton(HttpPost, JobParts.clock, webhook_networks)
    webhook_keeping = providers.Singleton(
        WebhookKeeping,
        webhook_work,
        JobParts.clock,
        JobParts.ids,
        webhook_secrets,
        takes_http=JobParts.settings.provided.webhook_http,
        networks=webhook_networks,
    )
    webhook_operation = providers.Singleton(
        WebhookOperation, webhook_work, JobParts.clock, JobParts.ids, webhook_secrets, webhook_post
    )
    outbox = providers.Singleton(
        PostgresOutbox, JobParts.service_engine, JobParts.ids, lease=timedelta(seconds=LEASE_SECONDS)
    )
    webhook_sending = providers.Singleton(
        Sending,
        outbox,
        webhook_post,
        webhook_secrets,
        providers.Singleton(
            WebhookPausing, webhook_operation, JobParts.member_keeping, JobParts.role_keeping, JobParts.letters
        ),
        JobParts.clock,
        telemetry=JobParts.telemetry,
    )
    webhook_dispatch = providers.Singleton(WebhookDispatch, outbox, webhook_sending, JobParts.clock, JobParts.wake_ups)
    old_deliveries = providers.Singleton(PostgresOldDeliveries, JobParts.service_engine)
    webhooks = providers.Singleton(Webhooks, keeping=webhook_keeping, operation=webhook_operation)
