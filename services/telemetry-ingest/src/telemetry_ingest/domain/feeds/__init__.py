"""What is known of each feed (the records of one system on one partition), and what follows from its next record."""
