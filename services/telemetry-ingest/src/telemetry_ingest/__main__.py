"""``python -m telemetry_ingest``"""

from flyball.bus.entry import run_service
from telemetry_ingest.app import serve

if __name__ == "__main__":
    run_service("telemetry-ingest", serve)
