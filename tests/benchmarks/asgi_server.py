"""Program: the simulator as an ASGI application on uvicorn, served as the echo is. Prints its port.

Argument: a TOML file of settings.
"""

import sys

from echo_server import serve

from cloudsms_simulator.config.settings import load_settings
from cloudsms_simulator.simulator import Simulator

if __name__ == "__main__":
    serve(Simulator(load_settings({"config": sys.argv[1]}, {}).settings).app)
