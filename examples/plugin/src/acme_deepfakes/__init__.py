"""Components that Acme adds to zoo."""
