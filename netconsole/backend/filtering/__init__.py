"""The language of packet filters: rules, their words, their places, what they match. Pure."""
