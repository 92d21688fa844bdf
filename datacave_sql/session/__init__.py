"""Sessions: what one client's connection holds, and how its statements run."""
