//! How much memory a process takes, on Linux.

use std::io;

/// The most memory, in bytes, that a process had resident at once since its start or since [`reset_peak_memory`]:
/// Linux's own high-water mark.
///
/// # Errors
///
/// Where there is no such process, or no `/proc`.
pub fn peak_memory_bytes(pid: u32) -> io::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.map(|kib| kib * 1024)
        .ok_or_else(|| io::Error::other(format!("process {pid} has no VmHWM")))
}

/// Lowers a process's peak to what it has resident now (proc(5), `clear_refs`).
///
/// # Errors
///
/// Where there is no such process, it belongs to somebody else, or there is no `/proc`.
pub fn reset_peak_memory(pid: u32) -> io::Result<()> {
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_outlives_the_memory_until_it_is_reset() {
        let pid = std::process::id();
        let before = peak_memory_bytes(pid).unwrap();
        drop(std::hint::black_box(vec![1_u8; LEN]));
        let peak = peak_memory_bytes(pid).unwrap();
        assert!(peak >= before.max(LEN as u64), "{before}, then {peak}");
        reset_peak_memory(pid).unwrap();
        let after = peak_memory_bytes(pid).unwrap();
        assert!(after < peak - LEN as u64 / 2, "{peak}, then {after}");
    }

    #[test]
    fn a_process_that_does_not_exist_is_an_error() {
        // Beyond the kernel's highest process id, 2²².
        assert_eq!(
            peak_memory_bytes(1 << 23).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }

    const LEN: usize = 64 << 20;
}
