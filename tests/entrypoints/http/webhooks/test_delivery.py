"""Events get to webhooks."""

from tests.entrypoints.http.tenant import Tenant, document, sale
from tests.entrypoints.http.webhooks.conftest import NewWebhook
from tests.entrypoints.http.webhooks.dispatchers import Dispatcher
from tests.entrypoints.http.webhooks.receiver import Receiver


async def test_smoke(tenant: Tenant, there: Receiver, dispatching: Dispatcher, new_webhook: NewWebhook) -> None:
    hook = await new_webhook()
    await tenant.posted(sale())
    assert await dispatching.run() == 4
    print(there.got[0])
    print(document(await tenant.client.get(f"/v1/webhooks/{hook['id']}/deliveries")))
    assert sorted(there.sequences) == [2, 3, 4, 5]
