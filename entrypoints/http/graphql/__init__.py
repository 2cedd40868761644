"""The GraphQL interface: the same readers, journal and permissions as REST, asked in one request."""
