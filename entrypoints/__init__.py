"""Ways in: HTTP and the command line; and the container, which puts everything together."""
