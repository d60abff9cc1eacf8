"""The engine: trials, run in this process or in supervised workers."""
