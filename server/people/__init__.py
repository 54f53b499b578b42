"""Who works here and on what: people, roles, badges and PINs, devices, API keys, signing in, the manager's desk."""
