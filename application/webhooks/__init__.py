"""What can be done with webhooks, and how events get to them."""
