"""No time limit for examples."""

from unhurried import unhurried

unhurried()
