"""How a model leaves: scripts that need no autopipe, proven before they are written."""
