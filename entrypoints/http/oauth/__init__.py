"""OAuth 2.1 and log-in by a browser: endpoints, pages, and the glue to authlib, which knows the protocol."""
