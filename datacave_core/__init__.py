"""The words every package shares: errors, types, values, keys, batches, ports, transactions, a memory store."""

from datacave_core.compiled_modules import choose

choose()
