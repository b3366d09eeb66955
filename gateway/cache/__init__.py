"""What was answered before: fresh, stale while it is refreshed, stale while its source fails, or purged."""
