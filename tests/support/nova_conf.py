"""A nova.conf as it stands on a compute and network host of an Icehouse to Newton cloud."""

NOVA_CONF = """\
[DEFAULT]
# LOGS/STATE
debug = False
verbose = True
logdir = /var/log/nova
state_path = /var/lib/nova
lock_path = $state_path/tmp
rootwrap_config = /etc/nova/rootwrap.conf
fatal_deprecations = false

# RPC AND SERVICES
rpc_backend = rabbit
rabbit_host = controller
rabbit_password = RABBIT_PASS
auth_strategy = keystone
my_ip = 203.0.113.2
enabled_apis = ec2,osapi_compute,metadata
osapi_compute_workers = 4
ec2_workers = 2
service_down_time = 60
report_interval = 10
notification_driver = nova.openstack.common.notifier.rpc_notifier
instance_usage_audit = True
instance_usage_audit_period = hour
notify_on_state_change = vm_and_task_state

# SCHEDULER, IMAGES, VOLUMES
compute_scheduler_driver = nova.scheduler.filter_scheduler.FilterScheduler
scheduler_default_filters = AllHostsFilter,RamFilter,ComputeFilter
cpu_allocation_ratio = 16.0
ram_allocation_ratio = 1.5
reserved_host_memory_mb = 512
glance_host = $my_ip
image_service = nova.image.glance.GlanceImageService
volume_api_class = nova.volume.cinder.API
iscsi_helper = tgtadm

# COMPUTE
compute_driver = libvirt.LibvirtDriver
libvirt_type = kvm
libvirt_inject_password = false
instance_name_template = instance-%08x
instances_path = $state_path/instances
api_paste_config = /etc/nova/api-paste.ini
allow_resize_to_same_host = True
resume_guests_state_on_host_boot = True
start_guests_on_host_boot = False
vnc_enabled = True
vncserver_listen = 0.0.0.0
vncserver_proxyclient_address = $my_ip
novncproxy_base_url = http://controller:6080/vnc_auto.html

# NETWORK
network_api_class = nova.network.api.API
security_group_api = nova
network_manager = nova.network.manager.FlatDHCPManager
firewall_driver = nova.virt.libvirt.firewall.IptablesFirewallDriver
libvirt_vif_driver = nova.virt.libvirt.vif.LibvirtGenericVIFDriver
linuxnet_interface_driver = nova.network.linux_net.LinuxBridgeInterfaceDriver
dhcpbridge = /usr/bin/nova-dhcpbridge
dhcpbridge_flagfile = /etc/nova/nova.conf
network_size = 254
allow_same_net_traffic = False
multi_host = False
send_arp_for_ha = True
send_arp_for_ha_count = 3
share_dhcp_address = False
force_dhcp_release = True
fixed_range =
flat_network_bridge = br100
flat_injected = False
public_interface = eth0
routing_source_ip = $my_ip
metadata_host = $my_ip
metadata_port = 8775
dns_server = 8.8.8.8
dns_server = 8.8.4.4
dhcp_domain = novalocal
dhcp_lease_time = 120
dmz_cidr = 10.128.0.0/24,203.0.113.128/28
default_floating_pool = nova
auto_assign_floating_ip = False
quota_floating_ips = 20
use_ipv6 = false

[database]
connection = mysql://nova:NOVA_DBPASS@controller/nova

[keystone_authtoken]
auth_uri = http://controller:5000
auth_host = controller
admin_tenant_name = service
admin_user = nova
admin_password = NOVA_PASS

[libvirt]
virt_type = kvm

[glance]
host = controller
"""
