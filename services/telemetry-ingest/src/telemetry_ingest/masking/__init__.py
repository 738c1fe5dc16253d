"""Personal data, keys and tokens in texts: found by their form and their checksum, and replaced by their kind."""
