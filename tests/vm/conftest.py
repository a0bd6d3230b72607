"""What is in `inside` runs in the virtual machine only; test_in_vm starts it there."""

from vm.machine import inside_machine

collect_ignore = [] if inside_machine() else ["inside"]
