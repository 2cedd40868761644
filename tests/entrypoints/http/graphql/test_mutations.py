"""Mutations do what routes of REST do: with the same keys, refusals and dry runs."""

from tests.entrypoints.http.graphql.asked import asked, refused
from tests.entrypoints.http.tenant import Json, Tenant, document, problem, sale

POST = """mutation ($input: TransactionInput!, $key: String, $dryRun: Boolean! = false) {
  postTransaction(ledger: "main", input: $input, idempotencyKey: $key, dryRun: $dryRun) {
    isReplayed sequence
    transaction { id sequence reference metadata entries { accountPath amount balanceAfter } } } }"""


async def posted(tenant: Tenant, transaction: Json, **others: object) -> Json:
    data = await asked(tenant, POST, input=transaction, **others)
    told: Json = data["postTransaction"]
    return told


async def test_a_transaction_is_posted_once_for_a_key_whichever_way_it_is_sent(tenant: Tenant) -> None:
    wanted = sale("12.50", reference="order-1", metadata={"order": "1"})
    first = await posted(tenant, wanted, key="k-1")
    assert not first["isReplayed"]
    assert first["sequence"] == first["transaction"]["sequence"] == await tenant.head()
    assert first["transaction"]["metadata"] == {"order": "1"}
    assert [each["balanceAfter"] for each in first["transaction"]["entries"]] == ["12.50", "12.50"]
    again = await posted(tenant, wanted, key="k-1")
    assert again == {**first, "isReplayed": True}
    by_rest = await tenant.post(wanted, headers={"Idempotency-Key": "k-1"})
    assert by_rest.headers["idempotency-replayed"] == "true"
    assert document(by_rest, 201)["id"] == first["transaction"]["id"]
    other = await tenant.posted(sale("1.00"), headers={"Idempotency-Key": "k-2"})
    assert (await posted(tenant, sale("1.00"), key="k-2"))["transaction"]["id"] == other["id"]
    await refused(tenant, POST, 409, "idempotency-conflict", input=sale("2.00"), key="k-1")
    assert await tenant.balance("assets:bank") == "13.50"


async def test_a_dry_run_changes_nothing(tenant: Tenant) -> None:
    before = await tenant.head()
    told = await posted(tenant, sale("12.50"), dryRun=True)
    assert told["transaction"]["id"] is told["sequence"] is None
    assert told["transaction"]["entries"][0]["balanceAfter"] == "12.50"
    assert await tenant.head() == before


async def test_a_refusal_tells_what_rest_tells(tenant: Tenant) -> None:
    unbalanced = sale("12.50")
    unbalanced["entries"][1]["amount"] = "12.49"
    told = await refused(tenant, POST, 422, "unbalanced-transaction", input=unbalanced)
    of_rest = problem(await tenant.post(unbalanced), 422, "unbalanced-transaction")
    for name in ("request_id", "instance"):
        told.pop(name, None)
        of_rest.pop(name, None)
    assert told == of_rest
    told = await refused(
        tenant, POST, 422, "validation-failed", input=sale("12.50", effective_at=None, to="assets:till") | {}
    )
    assert told["errors"][0]["pointer"] == "/entries"
    # A number for an amount is no String: it is refused before anything is read.
    await refused(tenant, POST, 400, "invalid-query", input={"from": "a", "to": "b", "amount": 1, "asset": "EUR"})
    assert await tenant.head() == 1


async def test_a_transaction_is_reversed_and_its_metadata_changed(tenant: Tenant) -> None:
    sold = (await posted(tenant, sale("10.00")))["transaction"]
    part = [each | {"amount": "4.00"} for each in sale()["entries"]]
    data = await asked(
        tenant,
        """mutation ($id: String!, $input: ReversalInput!) {
          reverseTransaction(ledger: "main", id: $id, input: $input) {
            transaction { reverses { id } entries { direction amount } } } }""",
        id=sold["id"],
        input={"entries": part, "description": "A part"},
    )
    reversal = data["reverseTransaction"]["transaction"]
    assert reversal["reverses"] == {"id": sold["id"]}
    assert [(each["direction"], each["amount"]) for each in reversal["entries"]] == [
        ("credit", "4.00"),
        ("debit", "4.00"),
    ]
    change = """mutation ($id: String!, $version: Long!) {
      changeTransaction(ledger: "main", id: $id, expectedVersion: $version, input: {metadata: {a: "1", b: null}}) {
        transaction { version metadata reversedBy { description } } } }"""
    changed = (await asked(tenant, change, id=sold["id"], version=1))["changeTransaction"]["transaction"]
    assert changed == {"version": 2, "metadata": {"a": "1"}, "reversedBy": [{"description": "A part"}]}
    await refused(tenant, change, 412, "version-conflict", id=sold["id"], version=1)


async def test_a_hold_is_placed_captured_and_released(tenant: Tenant) -> None:
    await tenant.posted(sale("50.00"))
    place = """mutation ($input: HoldInput!, $dryRun: Boolean! = false) {
      placeHold(ledger: "main", input: $input, idempotencyKey: "h", dryRun: $dryRun) {
        isReplayed hold { id status entries { left } } } }"""
    wanted = sale("20.00", expiresAt="2199-01-01T00:00:00Z")
    dry = (await asked(tenant, place, input=wanted, dryRun=True))["placeHold"]
    assert dry["hold"]["id"] is None
    hold = (await asked(tenant, place, input=wanted))["placeHold"]["hold"]
    assert (await asked(tenant, place, input=wanted))["placeHold"] == {"isReplayed": True, "hold": hold}
    part = [each | {"amount": "5.00"} for each in sale()["entries"]]
    data = await asked(
        tenant,
        """mutation ($id: String!, $input: CaptureInput!) {
          captureHold(ledger: "main", id: $id, input: $input) { transaction { hold { id entries { left } } } }
          releaseHold(ledger: "main", id: $id, input: {reason: "Left early"}) {
            hold { status captures { entries { amount } } } }
        }""",
        id=hold["id"],
        input={"entries": part},
    )
    # Mutations are done in order, and what one leaves is seen by the next.
    assert data["captureHold"]["transaction"]["hold"]["entries"] == [{"left": "15.00"}, {"left": "15.00"}]
    released = data["releaseHold"]["hold"]
    assert released["status"] == "released"
    assert released["captures"] == [{"entries": [{"amount": "5.00"}, {"amount": "5.00"}]}]


async def test_what_a_mutation_shows_is_read_after_it(tenant: Tenant) -> None:
    one = "{ transaction { entries { account { balances { posted } } } } }"
    data = await asked(
        tenant,
        f"""mutation ($input: TransactionInput!) {{
          first: postTransaction(ledger: "main", input: $input) {one}
          second: postTransaction(ledger: "main", input: $input) {one} }}""",
        input=sale("1.00"),
    )
    posted = [
        data[name]["transaction"]["entries"][0]["account"]["balances"][0]["posted"] for name in ("first", "second")
    ]
    assert posted == ["1.00", "2.00"]


async def test_an_account_is_opened_changed_frozen_archived_and_restored(tenant: Tenant) -> None:
    data = await asked(
        tenant,
        """mutation { openAccount(ledger: "main", idempotencyKey: "a", input: {
          path: "users:42:wallet", type: "liability", limits: [{asset: "EUR", minimum: "0"}], metadata: {user: "42"}
        }) { sequence account { path type limits { asset minimum maximum } metadata version } } }""",
    )
    opened = data["openAccount"]["account"]
    assert opened["limits"] == [{"asset": "EUR", "minimum": "0.00", "maximum": None}]
    assert opened["metadata"] == {"user": "42"}
    data = await asked(
        tenant,
        """mutation {
          changed: changeAccount(ledger: "main", path: "users:42:wallet", expectedVersion: 1, input: {limits: []}) {
            account { version limits { asset } metadata } }
          frozen: freezeAccount(ledger: "main", path: "users:42:wallet", input: {
            directions: ["debit"], reason: "Why"}) { account { frozen } }
          unfrozen: unfreezeAccount(ledger: "main", path: "users:42:wallet", input: {reason: "Why"}) {
            account { frozen version } }
        }""",
    )
    assert data["changed"]["account"] == {"version": 2, "limits": [], "metadata": {"user": "42"}}
    assert data["frozen"]["account"]["frozen"] == ["debit"]
    assert data["unfrozen"]["account"]["frozen"] == []
    data = await asked(
        tenant,
        """mutation ($version: Long!) {
          dry: archiveAccount(
            ledger: "main", path: "users:42:wallet", reason: "Why", expectedVersion: $version, dryRun: true) {
            sequence account { status } }
          archived: archiveAccount(ledger: "main", path: "users:42:wallet", reason: "Why", expectedVersion: $version) {
            account { status } }
          restored: restoreAccount(ledger: "main", path: "users:42:wallet", input: {reason: "Why"}) {
            account { status } }
        }""",
        version=data["unfrozen"]["account"]["version"],
    )
    assert data["dry"] == {"sequence": None, "account": {"status": "archived"}}
    assert data["archived"]["account"]["status"] == "archived"
    assert data["restored"]["account"]["status"] == "open"
