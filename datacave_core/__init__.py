"""The words every package shares: errors, types, values, keys, batches, ports, transactions, a memory store."""
