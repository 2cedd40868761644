"""Use-cases of the ledger: a command in each file, and the journal that all of them go through."""
