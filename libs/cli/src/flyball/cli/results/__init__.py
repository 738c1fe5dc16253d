"""What other tools found: their result files, read as findings, each with a stable id."""
