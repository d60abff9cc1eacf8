"""What is known of data sets, and what it recommends."""
