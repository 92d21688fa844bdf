"""Text search: documents to lexemes, queries over them, ranking and headlines."""
