"""Bodies of the ports in memory: for simulation, for tests, and for databases that need not survive."""
