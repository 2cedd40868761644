"""Jobs: queueing them, running them, and telling how far they are."""
