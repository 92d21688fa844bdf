"""Column vectors: expressions over whole columns of a batch instead of row by row."""
