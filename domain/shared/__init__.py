"""What every context speaks of: errors, who is asking, and text."""
