"""Pure: records in, links of a chain out; and a chain in, findings out."""
