"""The SQL store: catalogue, positions, sums, results, leases, on SQLite or PostgreSQL. Everything goes through `Store`.

| module | concept |
|---|---|
| `store` | `open_store`, `Store`: one method per thing that can be asked |
| `engine`, `sqlite`, `failures`, `sql` | connections, transactions, locks, what an error means, dialects |
| `tables`, `alert_tables`, `migrate`, `migrations/` | the tables and how they change |
| `catalogue` | models and references |
| `partitions`, `ingest`, `dead_letters` | the fenced commit |
| `panes`, `folding` | reading sums; making fewer addends of them |
| `evaluation`, `results` | dirty panes, windows, judgements |
| `detection`, `answers` | detector states, alarms; what people said to them |
| `alerting_store` | the methods of `Store` that alerting uses, built of: |
| `alerting`, `incidents`, `history` | alerts, what they are grouped into, what happened to them |
| `outbox`, `runs` | notices and retrain runs on their way out |
| `silences`, `access` | what people said, who may, and who did |
| `transactions`, `values` | what all of them work with |
| `leases`, `retention`, `alert_retention` | duties |
| `rows` | what is handed out |
"""

from drift.store.engine import Role
from drift.store.store import Store, open_store

__all__ = ["Role", "Store", "open_store"]
