"""Binding: syntax trees become logical plans; names, types, operators and functions are resolved."""
