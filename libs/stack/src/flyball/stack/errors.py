"""What can go wrong with a local server; every message names the cause and the next command."""


class StackError(RuntimeError):
    """A local server could not be started, reached or stopped."""


class PortBusy(StackError):
    """Another process already listens on a port that was asked for."""

    def __init__(self, port: int, purpose: str, cause: str) -> None:
        super().__init__(
            f"port {port} for {purpose} cannot be used: {cause}. See who holds it with "
            f"`ss -ltnp 'sport = :{port}'`, or give another port (0 chooses a free one)."
        )
        self.port = port


class StartFailed(StackError):
    """A server ended, or gave no answer, before its deadline; carries the end of its log."""

    def __init__(self, name: str, cause: str, log_tail: str, log_path: object) -> None:
        super().__init__(
            f"{name} did not start: {cause}. Last lines of its log:\n{log_tail or '  (empty)'}\n"
            f"Read the whole of it with `less {log_path}`."
        )
