"""Settings -> Plan: everything is decided here, and nothing is declared."""
