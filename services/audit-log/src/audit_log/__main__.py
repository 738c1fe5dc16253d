"""``python -m audit_log``"""

from audit_log.app import serve
from flyball.bus.entry import run_service

if __name__ == "__main__":
    run_service("audit-log", serve)
