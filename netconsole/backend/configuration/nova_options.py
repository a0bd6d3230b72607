"""The options of nova's that have no effect here, by name: what a nova.conf holds besides ours."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


GENERIC = _names(
    """
    debug default_log_levels fatal_deprecations fatal_exception_format_errors lock_path log_config
    log_config_append log_date_format log_dir log_file log_format logdir logfile pybasedir bindir
    publish_errors syslog_log_facility tempdir use_stderr use_syslog verbose backdoor_port
    """
)
"""Every OpenStack program has these: they do not tell whose file it is."""

NETWORK = _names(
    """
    defer_iptables_apply dhcpbridge dhcpbridge_flagfile dmz_mask dmz_net
    dns_update_periodic_interval ebtables_exec_attempts ebtables_retry_interval
    enable_network_quota fake_network fixed_range fixed_range_v6 flat_network_dhcp_start
    floating_ip_dns_manager floating_range gateway gateway_v6 injected_network_template
    instance_dns_domain instance_dns_manager iptables_bottom_regex iptables_top_regex
    ipv6_backend ldap_dns_base_dn ldap_dns_password ldap_dns_servers ldap_dns_soa_expiry
    ldap_dns_soa_hostmaster ldap_dns_soa_minimum ldap_dns_soa_refresh ldap_dns_soa_retry
    ldap_dns_url ldap_dns_user linuxnet_interface_driver linuxnet_ovs_integration_bridge
    network_allocate_retries network_api_class network_device_mtu network_driver network_topic
    ovs_vsctl_timeout quota_networks security_group_api security_group_handler
    teardown_unused_network_gateway update_dns_entries use_ipv6 use_neutron
    use_neutron_default_nets neutron_default_tenant_id allowed_rpc_exception_modules
    """
)

OTHERS = _names(
    """
    admin_password admin_tenant_name admin_user allow_instance_snapshots
    allow_migrate_to_same_host
    allow_resize_to_same_host amqp_auto_delete amqp_durable_queues api_paste_config
    api_rate_limit auth_strategy auto_assign_public_ip bandwidth_poll_interval
    block_device_allocate_retries block_device_allocate_retries_interval boot_script_template
    ca_file ca_path cert_manager cert_topic compute_available_monitors compute_driver
    compute_manager compute_monitors compute_scheduler_driver compute_stats_class compute_topic
    conductor_manager config_drive_format config_drive_skip_versions connection_type
    console_host console_manager console_topic control_exchange cpu_allocation_ratio crl_file
    db_backend db_driver default_access_ip_network_name default_availability_zone
    default_ephemeral_format default_flavor default_instance_type default_notification_level
    default_publisher_id default_schedule_zone disable_process_locking disk_allocation_ratio
    ec2_dmz_host ec2_host ec2_listen ec2_listen_port ec2_path ec2_port ec2_private_dns_show_ip
    ec2_scheme ec2_strict_validation ec2_timestamp_expiry ec2_workers enable_instance_password
    enable_new_services enabled_apis enabled_ssl_apis executor_thread_pool_size fake_call
    fake_rabbit force_config_drive force_raw_images glance_api_insecure glance_api_servers
    glance_host glance_num_retries glance_port glance_protocol heal_instance_info_cache_interval
    host_state_interval image_cache_manager_interval image_cache_subdirectory_name image_service
    initial_cpu_allocation_ratio initial_disk_allocation_ratio initial_ram_allocation_ratio
    injected_files instance_build_timeout instance_delete_interval instance_name_template
    instance_usage_audit instance_usage_audit_period instances_path iscsi_helper iqn_prefix
    keep_recent keys_path keystone_ec2_url kombu_ssl_ca_certs kombu_ssl_certfile
    kombu_ssl_keyfile kombu_ssl_version libvirt_cpu_mode libvirt_cpu_model libvirt_disk_prefix
    libvirt_images_type libvirt_inject_key libvirt_inject_partition libvirt_inject_password
    libvirt_ovs_bridge libvirt_snapshot_compression libvirt_type libvirt_uri
    libvirt_use_virtio_for_bridges libvirt_vif_driver libvirt_vif_type
    libvirt_wait_soft_reboot_seconds live_migration_bandwidth live_migration_flag
    live_migration_retry_count live_migration_uri
    matchmaker_heartbeat_freq matchmaker_heartbeat_ttl max_age max_concurrent_builds
    max_io_ops_per_host max_instances_per_host memcached_servers metadata_cache_expiration
    metadata_manager metadata_workers migrate_max_retries
    mkisofs_cmd monkey_patch monkey_patch_modules multi_instance_display_name_template
    my_block_storage_ip non_inheritable_image_properties notification_driver notification_format
    notification_topics
    notify_api_faults notify_on_state_change nova_url novncproxy_base_url novncproxy_host
    novncproxy_port null_kernel osapi_compute_ext_list osapi_compute_extension
    osapi_compute_link_prefix osapi_compute_listen osapi_compute_listen_port
    osapi_compute_unique_server_name_scope osapi_compute_workers osapi_glance_link_prefix
    osapi_hide_server_address_states osapi_max_limit osapi_volume_extension osapi_volume_listen
    password_length pci_alias pci_passthrough_whitelist periodic_enable periodic_fuzzy_delay
    policy_default_rule policy_file preallocate_images project_cert_subject qpid_heartbeat
    qpid_hostname qpid_hosts qpid_password qpid_port qpid_protocol qpid_sasl_mechanisms
    qpid_tcp_nodelay qpid_username quota_cores quota_driver quota_injected_file_content_bytes
    quota_injected_file_path_bytes quota_injected_file_path_length quota_injected_files
    quota_instances quota_key_pairs quota_metadata_items quota_ram
    quota_server_group_members quota_server_groups rabbit_ha_queues
    rabbit_host rabbit_hosts rabbit_max_retries rabbit_password rabbit_port
    rabbit_retry_backoff rabbit_retry_interval rabbit_use_ssl rabbit_userid rabbit_virtual_host
    ram_allocation_ratio reboot_timeout reclaim_instance_interval record report_interval
    rescue_timeout reservation_expire reserved_host_disk_mb reserved_host_memory_mb
    resize_confirm_window resize_fs_using_block_device resume_guests_state_on_host_boot
    rootwrap_config root_helper rpc_backend rpc_cast_timeout rpc_conn_pool_size
    rpc_response_timeout rpc_thread_pool_size rpc_zmq_bind_address rpc_zmq_contexts
    rpc_zmq_host rpc_zmq_ipc_dir rpc_zmq_matchmaker rpc_zmq_port rpc_zmq_topic_backlog
    running_deleted_instance_action running_deleted_instance_poll_interval
    running_deleted_instance_timeout s3_access_key s3_affix_tenant s3_dmz s3_host s3_listen
    s3_listen_port s3_port s3_secret_key s3_use_ssl scheduler_available_filters
    scheduler_default_filters scheduler_driver scheduler_driver_task_period
    scheduler_host_manager scheduler_host_subset_size scheduler_json_config_location
    scheduler_manager scheduler_max_attempts scheduler_topic scheduler_use_baremetal_filters
    scheduler_weight_classes secure_proxy_ssl_header send_arp_for_ha_interval server
    servicegroup_driver service_down_time service_neutron_metadata_proxy
    shelved_offload_time shelved_poll_interval show_hidden_images snapshot_image_format
    snapshot_name_template spice_enabled sql_connection sql_idle_timeout sql_max_pool_size
    sqlite_clean_db sqlite_db sqlite_synchronous ssl_ca_file ssl_cert_file ssl_key_file
    start_guests_on_host_boot sync_power_state_interval tcp_keepidle tenant_name timeout_nbd
    transport_url trusted_computing until_refresh update_resources_interval
    use_cow_images use_local use_project_ca use_rootwrap_daemon
    vcpu_pin_set vendordata_driver vendordata_providers vif_plugging_is_fatal vif_plugging_timeout
    virt_mkfs virt_type vnc_enabled vnc_keymap vncserver_listen vncserver_proxyclient_address
    volume_api_class volume_attach_retry_count volume_attach_retry_interval
    volume_usage_poll_interval vpn_flavor vpn_image_id vpn_instance_type vpn_key_suffix
    web wsgi_default_pool_size wsgi_keep_alive wsgi_log_format xvpvncproxy_base_url
    xvpvncproxy_host xvpvncproxy_port zombie_instance_updated_at_window
    quantum_url quantum_admin_username quantum_admin_password quantum_admin_tenant_name
    quantum_admin_auth_url quantum_auth_strategy quantum_metadata_proxy_shared_secret
    service_quantum_metadata_proxy neutron_url neutron_admin_username neutron_admin_password
    neutron_admin_tenant_name neutron_admin_auth_url neutron_auth_strategy
    neutron_metadata_proxy_shared_secret neutron_region_name flagfile
    """
)

SECTIONS = _names(
    """
    api api_database barbican baremetal cache cells cinder cloudpipe compute conductor conf
    console
    consoleauth cors crypto database devices ephemeral_storage_encryption filter_scheduler glance
    guestfs hyperv image_file_url ironic key_manager keymgr keystone keystone_authtoken libvirt
    matchmaker_redis matchmaker_ring metrics mks neutron notifications nova osapi_v21 osapi_v3
    oslo_concurrency oslo_messaging_amqp oslo_messaging_notifications oslo_messaging_qpid
    oslo_messaging_rabbit oslo_messaging_zmq oslo_middleware oslo_policy pci placement quota
    rdp remote_debug scheduler serial_console service_user spice ssl trusted_computing
    upgrade_levels vendordata_dynamic_auth vmware vnc workarounds wsgi xenserver xvp zookeeper
    """
)
"""The other sections of a nova.conf. [database] has the one option that is ours as well."""

SHARED = frozenset({"service_metadata_proxy", "metadata_proxy_shared_secret"})
"""Options of ours as well, in a section that is nova's otherwise."""

WITHOUT_EFFECT = GENERIC | NETWORK | OTHERS


def is_novas_alone(section: str, name: str) -> bool:
    """Whether an option tells that it stands in a nova.conf, or in what was made of one."""
    if section == "DEFAULT":
        return name in NETWORK | OTHERS
    return section in SECTIONS - {"database"} and name not in SHARED
