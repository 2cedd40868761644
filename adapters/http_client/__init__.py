"""Other servers, over HTTP."""
