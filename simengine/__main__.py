"""`python -m simengine` is the command `simengine`."""

from simengine.cli import main

if __name__ == "__main__":
    main()
