"""Events to other systems: what the ledger's outbox keeps, as CloudEvents, to each sink."""
