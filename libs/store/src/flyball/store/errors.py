"""What may go wrong in a store and pass by itself. Anything else that a store raises is a bug."""


class Transient(Exception):
    """The other side is away for now: retry with back-off, within a bound, then stop and be restarted."""
