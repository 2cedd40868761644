"""What is kept of extensions."""
