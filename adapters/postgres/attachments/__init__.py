"""Files on PostgreSQL: which there are, and where they lie; not what is in them."""
