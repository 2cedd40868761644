from tests.entrypoints.http.queries.stage import Stage
from tests.entrypoints.http.queries.plans import wrong_with
from tests.entrypoints.http.queries.filling import SMALL
from tests.entrypoints.http.queries.routes import ask_all_routes, ask_graphql
from tests.entrypoints.http.queries.persons import ask_as_person
from tests.entrypoints.http.planted import operations
import time
from adapters.postgres.tables import metadata
G=set(metadata.tables)-set(SMALL)

async def test_x(stage: Stage) -> None:
    t=time.time()
    await ask_graphql(stage)
    await ask_as_person(stage)
    await ask_all_routes(stage)
    print("took", time.time()-t)
    print("not answered:", {f"{m} {t}" for m,t,_ in operations(stage.app.openapi())} - stage.answered)
    for what, times in stage.done.items():
        print(what, [len(p) for p in times], max(s.rows for ps in [[]]+times for p in ps+[] for s in p.scans) if any(p.scans for ps in times for p in ps) else 0)
        seen=set()
        for plans in times:
            for w in wrong_with(plans, stage.first_columns, growing=G, rows_max=100):
                if w[:300] not in seen: print("     ", w[:500])
                seen.add(w[:300])
