"""`python -m tiny_service`"""

import asyncio
import os

from tiny_service.app import serve

asyncio.run(serve(os.environ))
