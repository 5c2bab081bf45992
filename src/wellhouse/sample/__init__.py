"""A made-up population and the files its three sites would export: seeded, so the same seed gives the same bytes."""
