"""A day of three agents in a minute: one of them ships a bad release at two in the afternoon."""
