"""What is shown of a run and of a model: progress, tables, cards."""
