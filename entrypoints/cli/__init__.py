"""The command line: `partita`."""
