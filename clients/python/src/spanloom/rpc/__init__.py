"""Calls to a server: Connect over HTTP/1.1, with nothing but the standard library."""
