"""From a user's tables, in whatever form, to coded columns and targets."""
