"""For the tests of extensions: a whole server to try them on, and what ports promise, as tests. It takes pytest."""
