"""`python -m cloudsms_simulator`: the command line."""

from cloudsms_simulator.cli import main

if __name__ == "__main__":
    main(prog_name="cloudsms-simulator")
