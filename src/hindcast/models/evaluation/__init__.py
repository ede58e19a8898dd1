"""Champion against challenger: one holdout, one gate, a verdict in the ledger."""
