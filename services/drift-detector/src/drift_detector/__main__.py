"""``python -m drift_detector``"""

from drift_detector.app import serve
from flyball.bus.entry import run_service

if __name__ == "__main__":
    run_service("drift-detector", serve)
