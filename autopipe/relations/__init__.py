"""Several tables: columns synthesized from child tables, none of which looks ahead."""
