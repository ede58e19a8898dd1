"""`python -m hindcast` is the command line."""

from hindcast.cli import script

if __name__ == "__main__":
    script()
