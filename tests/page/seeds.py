"""What the tests' catalogs hold."""

from __future__ import annotations

from catalog import Catalog, column

FLOWS, STEPS, COLUMNS = 250, 4, 20


def shop(catalog: Catalog) -> None:
    """Orders on their way: source table, topic, lake, destination; and a table that nothing leads to."""
    fields = [column("id", "LONG"), column("email", "STRING")]
    key = column("id", "BIGINT", dataTypeDisplay="bigint", constraint="PRIMARY_KEY")
    personal = {"tagFQN": "PII.Sensitive", "source": "Classification", "labelType": "Manual", "state": "Confirmed"}
    email = column("email", "TEXT", dataTypeDisplay="text", description="Where invoices go.", tags=[personal])
    source = catalog.table(
        catalog.database("source", "Postgres"), "orders", [key, email], description="What was bought."
    )
    topic = catalog.topic("kafka", "shop.orders", fields)
    lake = catalog.table(
        catalog.database("lake", "DeltaLake"), "orders_delta", [column("id", "BIGINT"), column("email")]
    )
    target = catalog.table(
        catalog.database("target", "Postgres"),
        "orders_clean",
        [column("id", "BIGINT"), column("email"), column("note")],
    )
    catalog.table("target.shop.public", "alone", [column("id", "BIGINT")])
    task = [{"name": "task-0", "executionStatus": "Successful"}]
    connector = catalog.pipeline("cdc", "connector", "Successful", taskStatus=task)
    ingest = catalog.pipeline("spark", "ingest", "Failed", error={"errorMessage": "no room on the disk"})
    counted = {"metrics": {"totalRowsProcessed": 12000}, "parameters": {"batches": 3}}
    process = catalog.pipeline("spark", "process", "Pending", executionId="run-1", **counted)
    catalog.pipeline("spark", "unused", None)

    def both(first: str, second: str) -> list[tuple[str, str]]:
        return [(f"{first}.{name}", f"{second}.{name}") for name in ("id", "email")]

    names = ["source.shop.public.orders", 'kafka."shop.orders"', "lake.shop.public.orders_delta"]
    names.append("target.shop.public.orders_clean")
    ends = [("table", source), ("topic", topic), ("table", lake), ("table", target)]
    for at, pipeline in enumerate((connector, ingest, process)):
        catalog.edge(ends[at], ends[at + 1], pipeline, both(names[at], names[at + 1]))


def many(catalog: Catalog) -> None:
    """A thousand tables of twenty columns in 250 chains of four, every column mapped."""
    schema = catalog.database("many", "Postgres")
    pipeline = catalog.pipeline("spark", "copy", "Successful")
    names = [f"flow{flow:03}_step{step}" for flow in range(FLOWS) for step in range(STEPS)]
    columns = [column(f"c{number}", dataTypeDisplay="text") for number in range(COLUMNS)]
    for start in range(0, len(names), 100):
        bodies = [{"name": name, "databaseSchema": schema, "columns": columns} for name in names[start : start + 100]]
        catalog.send("PUT", "tables/bulk", bodies)
    tables = {table["name"]: table for table in catalog.send("GET", "tables?limit=1000")["data"]}
    for at, name in enumerate(names):
        if at % STEPS == 0:
            continue
        before = names[at - 1]
        mapped = [(f"{schema}.{before}.c{number}", f"{schema}.{name}.c{number}") for number in range(COLUMNS)]
        catalog.edge(("table", tables[before]), ("table", tables[name]), pipeline, mapped)
