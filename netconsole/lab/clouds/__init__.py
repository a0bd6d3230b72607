"""What a lab is furnished with: networks, instances, an outside world."""
