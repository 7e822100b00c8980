"""Runs tasks: leases them, traces them, reports what became of them."""
