//! AWS CloudShell.
