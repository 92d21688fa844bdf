"""Templates of to_char, to_number, to_date and to_timestamp (chapter 9.8 of PostgreSQL's documentation)."""
