//! Many small files in and out.

use std::fs;
use std::path::Path;

use crate::bench::Bench;
use crate::error::BenchError;
use crate::figure::Figure;
use crate::noise::Noise;
use crate::scale::FILE_LEN;

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>, BenchError> {
    let count = bench.scale.files;
    let store = bench.store()?;
    let (source, copy) = (store.file("files"), store.file("copy"));
    write_files(&source, count)?;
    let put = store.time(&["put", "-r", &source.to_string_lossy()])?;
    let got = store.time(&["get", "-r", "files", &copy.to_string_lossy()])?;
    compare(&source, &copy)?;
    let per_s = |time: std::time::Duration| count as f64 / time.as_secs_f64();
    Ok(vec![
        Figure::new(format!("put -r of {count} files of 4 KiB"), per_s(put), "files/s").at_least(800.0),
        Figure::new("reading them back", per_s(got), "files/s").at_least(1500.0),
    ])
}

fn write_files(dir: &Path, count: u64) -> Result<(), BenchError> {
    fs::create_dir(dir).map_err(BenchError::io(format!("making {}", dir.display())))?;
    let mut noise = Noise::new("files");
    for number in 0..count {
        noise.write_file(FILE_LEN as u64, &dir.join(format!("file-{number:05}")))?;
    }
    Ok(())
}

/// Every file of one folder is in the other with the same bytes, and no other is.
fn compare(source: &Path, copy: &Path) -> Result<(), BenchError> {
    let failed = || BenchError::io("comparing the files");
    let mut files = 0;
    for entry in fs::read_dir(source).map_err(failed())? {
        let name = entry.map_err(failed())?.file_name();
        let (put, got) = (fs::read(source.join(&name)), fs::read(copy.join(&name)));
        if put.map_err(failed())? != got.map_err(failed())? {
            let what = name.to_string_lossy().into_owned();
            return Err(BenchError::Different { what });
        }
        files += 1;
    }
    if fs::read_dir(copy).map_err(failed())?.count() != files {
        let what = "the number of files".to_owned();
        return Err(BenchError::Different { what });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_equal_only_with_the_same_names_and_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        write_files(&a, 3).unwrap();
        write_files(&b, 3).unwrap();
        compare(&a, &b).unwrap();
        fs::write(b.join("more"), "x").unwrap();
        let error = compare(&a, &b).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the number of files differs from what was stored"
        );
        fs::write(b.join("file-00001"), "x").unwrap();
        let error = compare(&a, &b).unwrap_err();
        assert_eq!(error.to_string(), "file-00001 differs from what was stored");
    }
}
