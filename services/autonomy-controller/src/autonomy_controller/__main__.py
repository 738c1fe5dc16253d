"""``python -m autonomy_controller``"""

from autonomy_controller.app import serve
from flyball.bus.entry import run_service

if __name__ == "__main__":
    run_service("autonomy-controller", serve)
