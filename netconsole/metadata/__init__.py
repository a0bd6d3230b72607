"""The metadata service: what guests ask for at 169.254.169.254.

What is answered is `backend.injection`'s; here is who asks, how often, and over which sockets.
`targets`, `callers`, `proxies`, `tokens` and `pacing` decide and are pure.
"""
