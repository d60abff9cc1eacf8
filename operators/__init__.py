"""What a pipeline can be made of: operators, each declared once."""
