"""From out-of-fold predictions to a model."""
