"""`python -m hindcast` is the command line."""

from hindcast.cli import main

if __name__ == "__main__":
    main()
