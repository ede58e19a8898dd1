"""Where things are kept: lake, Postgres with online store and ledger; and AWS's clients."""
