"""``python -m notifier``"""

from flyball.bus.entry import run_service
from notifier.app import serve

if __name__ == "__main__":
    run_service("notifier", serve)
