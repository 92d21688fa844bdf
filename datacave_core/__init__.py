"""The words every package shares: errors, types, values, keys, row batches, ports, transactions and an in-memory store."""
