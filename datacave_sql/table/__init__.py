"""Tables over keys: rows and index entries as key-value pairs."""
