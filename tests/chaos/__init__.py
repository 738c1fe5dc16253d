"""Everything dies at random while a known load runs; then every total is compared with an independent recount."""
