"""Entry point."""


def main() -> None:
    """Starts the program."""
