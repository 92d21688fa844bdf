"""Execution: one operator per file, plain generators of row batches."""
