"""The benchmark, `make bench`: how fast Partita is on this machine, and whether that is as fast as it should be."""
