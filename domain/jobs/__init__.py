"""Jobs: what is done later, in the background, for whoever asked for it."""
