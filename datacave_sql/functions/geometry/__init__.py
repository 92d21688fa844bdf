"""What the geometric operators and functions compute, one kind of shape per module.

Numbers are compared to a given accuracy (`nearness.py`), and every sum, product and quotient is rounded and checked in
PostgreSQL's order, so that the last digit is the same. Modules know those above them: nearness, points, lines,
segments, boxes, paths, polygons, circles.
"""
