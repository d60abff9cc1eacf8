"""The searcher: which tree to judge next."""
