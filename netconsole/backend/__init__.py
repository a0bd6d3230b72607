"""The controller: store, intent, plan, apply, and the drivers of the host."""
