"""``python -m console``"""

from console.app import serve
from flyball.bus.entry import run_service

if __name__ == "__main__":
    run_service("console", serve)
