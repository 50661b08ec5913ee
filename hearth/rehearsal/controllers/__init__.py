"""Stand-ins for what a real site has beside Kubernetes itself: storage, load balancer, ingress and gateway."""
