"""The rehearsal: a stack's program under Pulumi's engine, on a Kubernetes control plane that runs on this machine."""
