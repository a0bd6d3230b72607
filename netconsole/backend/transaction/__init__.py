"""What makes a change happen or not: lock, journal, steps applied, trial, audit."""
