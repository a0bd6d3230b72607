"""Taking over an existing nova-network: its database read (`database`) and mapped (`nova`)."""
