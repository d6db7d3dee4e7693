"""The store: what must survive a restart. One method per question, each method one transaction.

`sql.open_store` gives the real one, `memory.MemoryStore` one that forgets; both pass the same contract tests.
Database exceptions never leave: they become `StoreError` with a sentence.
"""
