"""What runs teach later ones, and data sets to learn from on purpose."""
