"""Places: where things are without any configuration that says otherwise. Pure."""

CONFIGURATION = "/etc/netconsole/netconsole.conf"
CONFIGURATION_VARIABLE = "NETCONSOLE_CONFIG_FILE"
"""Of the environment: names files where no --config-file does; several are divided as in PATH."""
AGENT_SOCKET = "/run/netconsole/agent.sock"
