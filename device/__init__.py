"""What turns the store app into an app for a phone, a tablet or a desktop: see docs/devices.md."""
