"""``python -m rollback_executor``"""

from flyball.bus.entry import run_service
from rollback_executor.app import serve

if __name__ == "__main__":
    run_service("rollback-executor", serve)
