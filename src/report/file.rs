//! Writes the file that a report goes to.
//!
//! A report is written to a new file in the same folder, and then renamed. So a reader finds all of it or nothing. A
//! pipe or a device is opened and written to, without waiting for a reader, since there may be none. A file that this
//! process writes to already, such as standard output, is written to through the same descriptor.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::host::descriptor;

/// How a report gets to a path.
enum Way {
    /// By a rename to this path, where a file may be.
    File(PathBuf),
    /// Through this descriptor, through which the process already writes.
    Open(i32),
    /// By opening the path itself.
    Stream,
}

/// Replaces an old report by an empty one. Otherwise a reader might take the old report for the new one. This also
/// shows early whether a report can be written.
///
/// # Errors
/// The system's error for the path or its folder.
pub fn prepare(path: &Path) -> io::Result<()> {
    match way(path)? {
        Way::File(path) => put(&path, ""),
        // To open a pipe and close it would end its reader's input.
        Way::Open(_) | Way::Stream => Ok(()),
    }
}

/// Writes a report.
///
/// # Errors
/// The system's error. A file at the path is then unchanged.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    match way(path)? {
        Way::File(path) => put(&path, text),
        Way::Open(number) => descriptor::write_all(number, text),
        Way::Stream => {
            let mut options = OpenOptions::new();
            let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
            let stream = options.append(true).custom_flags(flags).open(path)?;
            descriptor::write_all(stream.as_raw_fd(), text)
        }
    }
}

fn way(path: &Path) -> io::Result<Way> {
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Way::File(follow(path)?)),
        Err(error) => return Err(error),
    };
    if found.is_dir() {
        Err(io::Error::from_raw_os_error(libc::EISDIR))
    } else if !found.is_file() {
        Ok(Way::Stream)
    } else if let Some(number) = written_through(&found)? {
        Ok(Way::Open(number))
    } else {
        Ok(Way::File(follow(path)?))
    }
}

/// Follows symbolic links, to a file or to the place where one may be made. So the links stay.
fn follow(path: &Path) -> io::Result<PathBuf> {
    const MOST: usize = 40;
    let mut path = path.to_path_buf();
    for _ in 0..MOST {
        match fs::read_link(&path) {
            Ok(target) => path = path.with_file_name(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::from_raw_os_error(libc::ELOOP))
}

/// The descriptor through which this process writes to a file.
fn written_through(file: &fs::Metadata) -> io::Result<Option<i32>> {
    /// In that folder, this permission of a link means: open for writing.
    const WRITES: u32 = 0o200;
    let entries = match fs::read_dir("/proc/self/fd") {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let (Ok(link), Ok(open)) = (path.symlink_metadata(), path.metadata()) else {
            continue;
        };
        if link.mode() & WRITES != 0 && (open.dev(), open.ino()) == (file.dev(), file.ino()) {
            let number = path
                .file_name()
                .and_then(|name| name.to_str()?.parse().ok());
            return Ok(number);
        }
    }
    Ok(None)
}

/// Replaces a file by a new one with the same permissions.
fn put(path: &Path, text: &str) -> io::Result<()> {
    let (beside, mut file) = create_beside(path)?;
    let mut fill = || {
        match fs::metadata(path) {
            Ok(old) => file.set_permissions(old.permissions())?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        file.write_all(text.as_bytes())?;
        fs::rename(&beside, path)
    };
    let put = fill();
    if put.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&beside);
    }
    put
}

/// Creates a file in the same folder that nothing else writes to.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    /// The most names to try. Dead processes may have left files with such names.
    const MOST: usize = 1000;
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    if path.file_name().is_none() {
        return Err(io::Error::from_raw_os_error(libc::ENOENT));
    }
    let mut last = io::Error::from_raw_os_error(libc::EEXIST);
    for _ in 0..MOST {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!(".pyrefcore-{}-{number}", std::process::id());
        let beside = path.with_file_name(name);
        match File::create_new(&beside) {
            Ok(file) => return Ok((beside, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A temporary folder for a test, removed afterwards.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("pyrefcore-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).expect("a folder can be made");
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).expect("the folder is there");
            entries
                .map(|entry| {
                    entry
                        .expect("an entry")
                        .file_name()
                        .to_string_lossy()
                        .into()
                })
                .collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn an_old_report_is_gone_before_the_new_one_is_written() {
        let folder = Folder::new("old");
        let path = folder.0.join("report");
        fs::write(&path, "old").expect("written");
        prepare(&path).expect("the folder is writable");
        assert_eq!(fs::read_to_string(&path).expect("there"), "");
        write(&path, "new").expect("written");
        assert_eq!(folder.names(), ["report"]);
        assert_eq!(fs::read_to_string(&path).expect("there"), "new");
    }

    #[test]
    fn a_reader_of_the_old_file_keeps_it_whole() {
        let folder = Folder::new("whole");
        let path = folder.0.join("report");
        fs::write(&path, "old").expect("written");
        let reader = File::open(&path).expect("there");
        write(&path, "a new one").expect("written");
        assert_eq!(io::read_to_string(reader).expect("readable"), "old");
    }

    #[test]
    fn permissions_are_kept() {
        let folder = Folder::new("rights");
        let path = folder.0.join("report");
        fs::write(&path, "old").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("they are ours");
        write(&path, "new").expect("written");
        let mode = fs::metadata(&path).expect("there").mode();
        assert_eq!(mode & 0o777, 0o640);
    }

    #[test]
    fn a_file_that_this_process_writes_to_is_continued() {
        let folder = Folder::new("open");
        let path = folder.0.join("output");
        let mut output = File::create(&path).expect("made");
        output.write_all(b"before, ").expect("written");
        prepare(&path).expect("it is left alone");
        write(&path, "the report, ").expect("written");
        output.write_all(b"after").expect("written");
        let all = fs::read_to_string(&path).expect("there");
        assert_eq!(all, "before, the report, after");
    }

    #[test]
    fn a_file_of_a_dead_process_does_no_harm() {
        let folder = Folder::new("left");
        let path = folder.0.join("report");
        for number in 0..200 {
            let name = format!(".pyrefcore-{}-{number}", std::process::id());
            fs::write(folder.0.join(name), "left").expect("written");
        }
        write(&path, "new").expect("written");
        assert_eq!(fs::read_to_string(&path).expect("there"), "new");
        assert_eq!(folder.names().len(), 201);
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = Folder::new("link");
        let (path, link) = (folder.0.join("report"), folder.0.join("link"));
        fs::write(&path, "old").expect("written");
        std::os::unix::fs::symlink(&path, &link).expect("linked");
        write(&link, "new").expect("written");
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        assert_eq!(fs::read_to_string(&path).expect("there"), "new");
        fs::remove_file(&path).expect("it was there");
        write(&link, "made").expect("written where the link leads");
        assert_eq!(fs::read_to_string(&path).expect("there"), "made");
        fs::remove_file(&link).expect("it was there");
        std::os::unix::fs::symlink(&link, &link).expect("linked");
        let error = write(&link, "").expect_err("it leads nowhere");
        assert_eq!(error.raw_os_error(), Some(libc::ELOOP));
    }

    #[test]
    fn a_folder_is_refused_and_a_device_stays() {
        let folder = Folder::new("folder");
        let refused = |error: io::Error| error.raw_os_error();
        assert_eq!(prepare(&folder.0).map_err(refused), Err(Some(libc::EISDIR)));
        assert_eq!(
            write(&folder.0, "").map_err(refused),
            Err(Some(libc::EISDIR))
        );
        prepare(Path::new("/dev/null")).expect("a device is left alone");
        write(Path::new("/dev/null"), "text").expect("written");
        let null = fs::symlink_metadata("/dev/null").expect("there");
        assert!(!null.is_file());
    }
}
