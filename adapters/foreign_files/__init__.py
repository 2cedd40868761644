"""Files of other programs, read into what is found in any of them."""
