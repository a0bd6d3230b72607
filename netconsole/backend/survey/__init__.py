"""Records, host and plan put together into what is shown, and what is wrong with it. Pure."""
