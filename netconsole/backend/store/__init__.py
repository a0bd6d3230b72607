"""The store: what an admin has asked for, in a database.

`Store` gives transactions; the modules of this package are the queries, one module a record.
Each query takes the connection of the transaction it belongs to as its first argument.
"""

from netconsole.backend.store.database import Store
from netconsole.backend.store.references import refuse_broken
from netconsole.backend.store.snapshot import (
    records,
    records_of_floating,
    records_of_group,
    records_of_guests,
    records_of_leases,
    records_of_ports,
)

__all__ = [
    "Store",
    "records",
    "records_of_floating",
    "records_of_group",
    "records_of_guests",
    "records_of_leases",
    "records_of_ports",
    "refuse_broken",
]
