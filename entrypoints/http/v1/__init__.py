"""Version 1 of the interface: schemas stand beside their routes."""
