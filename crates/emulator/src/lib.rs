//! CloudShell on loopback.
