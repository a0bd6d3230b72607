"""What is wanted, in the words of iptables, ebtables and dnsmasq. Pure."""
