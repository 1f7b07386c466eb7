"""What runs the services: the command, the world of the demo, containers, dashboards."""
