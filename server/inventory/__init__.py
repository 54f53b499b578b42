"""Stock: positions, the ledger they are the fold of, and reservations. Only `service` writes stock."""
