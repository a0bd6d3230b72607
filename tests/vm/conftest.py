"""What is in `inside` and `emulated_inside` runs in virtual machines only, started by the tests."""

from vm.machine import inside_machine

collect_ignore = [] if inside_machine() else ["inside", "emulated_inside"]
