"""Measurements: Datacave beside PostgreSQL (`python -m bench`), and single layers (`python -m bench lsm`).

No test depends on a figure; the figures are for people.
"""
