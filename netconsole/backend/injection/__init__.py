"""What a guest is told without DHCP: `/etc/network/interfaces` in its image, a config drive.

`template` and `metadata` say what is written and are pure; `root` and `config_drive` write.
"""
