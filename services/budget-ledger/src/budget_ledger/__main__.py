"""``python -m budget_ledger``"""

from budget_ledger.app import serve
from flyball.bus.entry import run_service

if __name__ == "__main__":
    run_service("budget-ledger", serve)
