"""What a guest is told: by the metadata service, on a config drive, in its image.

`lookup` finds what the service answers at a path, of the trees of `openstack` and `ec2`; `drive`
has the same documents as files, `template` the network configuration without DHCP. These are pure;
`root` and `config_drive` write.
"""
