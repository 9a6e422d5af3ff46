//! Files: read with the header first, written whole beside the target and then renamed over it.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use acm_linalg::parallel::Watch;
use acm_linalg::state::{START, check_start};
use acm_linalg::{Error, Persist};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;

use crate::interop::{compute, exception};

/// Bytes between two looks at the request to stop.
const PIECE: usize = 1 << 20;

/// Bytes between two waits for the disk: the last wait, which nothing interrupts, stays short.
const BATCH: usize = 1 << 24;

/// Symbolic links that are followed one after the other, as many as Linux follows.
const MOST_LINKS: usize = 40;

#[cfg(unix)]
const IS_A_FOLDER: i32 = libc::EISDIR;
#[cfg(unix)]
const LINKS_IN_A_LOOP: i32 = libc::ELOOP;
// What Windows says of a folder that is opened: access denied; and of a link that cannot be resolved.
#[cfg(not(unix))]
const IS_A_FOLDER: i32 = 5;
#[cfg(not(unix))]
const LINKS_IN_A_LOOP: i32 = 1921;

/// What keeps a file from being read or written.
enum Failure {
    System(io::Error),
    /// No regular file; what it is.
    Special(&'static str),
    Engine(Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

/// The bytes of a saved model, unless the file's size or its header say that it holds none of this kind.
pub(crate) fn read<P: Persist>(py: Python<'_>, path: &Path) -> PyResult<Vec<u8>> {
    detached(py, path, || {
        let (mut file, size) = opened(path)?;
        let mut bytes = Vec::new();
        fill(&mut file, &mut bytes, size.min(START as u64))?;
        check_start::<P>(&bytes, size)?;
        fill(&mut file, &mut bytes, size)?;
        Ok(bytes)
    })
}

/// Puts `bytes` in the place of what is at `path`, all of them or none: permissions are kept, links followed.
pub(crate) fn write(py: Python<'_>, path: &Path, bytes: &[u8]) -> PyResult<()> {
    detached(py, path, || replace(path, bytes))
}

fn detached<R: Send>(py: Python<'_>, path: &Path, work: impl FnOnce() -> Result<R, Failure> + Send) -> PyResult<R> {
    let done = compute(py, || match work() {
        Err(Failure::Engine(error @ (Error::Interrupted | Error::InUse))) => Err(error),
        done => Ok(done),
    })?;
    done.map_err(|failure| match failure {
        Failure::System(error) => system_error(&error, path),
        // The system's number for what asks for a regular file and gets another.
        Failure::Special(kind) => os_error(22, &format!("is {kind}, not a regular file"), path, None),
        Failure::Engine(error) => about(py, path, exception(error)),
    })
}

/// `error` with the file's name before its text.
pub(crate) fn about(py: Python<'_>, path: &Path, error: PyErr) -> PyErr {
    if error.is_instance_of::<PyValueError>(py) {
        PyValueError::new_err(format!("{}: {}", path.display(), error.value(py)))
    } else {
        error
    }
}

/// An open regular file and its size. Opening anything else may wait for ever, or do something.
fn opened(path: &Path) -> Result<(File, u64), Failure> {
    regular(&fs::metadata(path)?)?;
    let file = patient().read(true).open(path)?;
    let metadata = file.metadata()?;
    regular(&metadata)?;
    Ok((file, metadata.len()))
}

/// Does not wait, should the file have become a pipe since it was looked at.
fn patient() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "regular files have nothing to wait for"))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    options
}

fn regular(metadata: &Metadata) -> Result<(), Failure> {
    let kind = metadata.file_type();
    if kind.is_file() {
        return Ok(());
    }
    if kind.is_dir() {
        return Err(io::Error::from_raw_os_error(IS_A_FOLDER).into());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        for (is, name) in [
            (kind.is_fifo(), "a named pipe"),
            (kind.is_socket(), "a socket"),
            (kind.is_char_device(), "a character device"),
            (kind.is_block_device(), "a block device"),
        ] {
            if is {
                return Err(Failure::Special(name));
            }
        }
    }
    Err(Failure::Special("something else"))
}

/// Reads on until `bytes` are `size`, or the file ends.
fn fill(file: &mut File, bytes: &mut Vec<u8>, size: u64) -> Result<(), Failure> {
    let lacking = Error::Memory {
        what: "the bytes of the file",
        rows: usize::try_from(size).unwrap_or(usize::MAX),
        columns: 1,
    };
    let Some(size) = usize::try_from(size)
        .ok()
        .filter(|size| bytes.try_reserve_exact(size - bytes.len()).is_ok())
    else {
        return Err(lacking.into());
    };
    let mut watch = Watch::start();
    while bytes.len() < size {
        watch.look()?;
        let start = bytes.len();
        bytes.resize(size.min(start + PIECE), 0);
        let read = match file.read(&mut bytes[start..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
            read => read.map(Some),
        };
        bytes.truncate(start + read.as_ref().map_or(0, |read| read.unwrap_or(0)));
        if read? == Some(0) {
            break;
        }
    }
    Ok(())
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let (target, old) = followed(path)?;
    if let Some(old) = &old {
        regular(old)?;
        // Renaming would ask only the folder: this asks the file, as whoever writes into it does.
        regular(&patient().write(true).open(&target)?.metadata()?)?;
    } else if target
        .as_os_str()
        .as_encoded_bytes()
        .last()
        .is_some_and(|&last| std::path::is_separator(last.into()))
    {
        return Err(io::Error::from_raw_os_error(IS_A_FOLDER).into());
    }
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Opened here, because tempfile's own way of it loses the system's number.
    let mut draft = tempfile::Builder::new().prefix(".acm_rs-").make_in(folder, |path| {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        // A new file as any other: the umask takes off what it must. Else nobody may read in it before it has its permissions.
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, if old.is_none() { 0o666 } else { 0o600 });
        options.open(path)
    })?;
    let mut watch = Watch::start();
    for batch in bytes.chunks(BATCH) {
        for piece in batch.chunks(PIECE) {
            watch.look()?;
            draft.as_file_mut().write_all(piece)?;
        }
        draft.as_file().sync_data()?;
    }
    #[cfg(unix)]
    if let Some(old) = &old {
        keep_permissions(draft.as_file(), old)?;
    }
    draft.as_file().sync_all()?;
    watch.look()?;
    draft.persist(&target).map_err(|failed| failed.error)?;
    #[cfg(unix)]
    // The new name has to last as well, where the file system knows how; the file is whole either way.
    drop(File::open(folder).and_then(|folder| folder.sync_all()));
    Ok(())
}

/// Where the links at `path` lead, and what is there.
fn followed(path: &Path) -> io::Result<(PathBuf, Option<Metadata>)> {
    let mut target = path.to_owned();
    for _ in 0..=MOST_LINKS {
        let metadata = match fs::symlink_metadata(&target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((target, None)),
            found => found?,
        };
        if !metadata.is_symlink() {
            return Ok((target, Some(metadata)));
        }
        let link = fs::read_link(&target)?;
        target = target.parent().unwrap_or(Path::new("")).join(link);
    }
    Err(io::Error::from_raw_os_error(LINKS_IN_A_LOOP))
}

/// Owner, group and mode of the file that is replaced, as far as the system lets them be given.
#[cfg(unix)]
fn keep_permissions(file: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let owned = |new: &Metadata| (new.uid(), new.gid()) == (old.uid(), old.gid());
    if !owned(&file.metadata()?) && fchown(file, Some(old.uid()), Some(old.gid())).is_err() {
        // Not the superuser: the group may still be one of the caller's.
        drop(fchown(file, None, Some(old.gid())));
    }
    let new = file.metadata()?;
    let mut mode = old.mode() & 0o7777;
    if !owned(&new) {
        mode &= 0o777;
    }
    if new.gid() != old.gid() {
        // Another group gets no more than everybody.
        mode &= 0o707 | (mode & 0o007) << 3;
    }
    if new.mode() & 0o7777 != mode {
        file.set_permissions(fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// The system's error, of the class that its number asks for, about the path as it was given.
fn system_error(error: &io::Error, path: &Path) -> PyErr {
    let Some(number) = error.raw_os_error() else {
        return PyOSError::new_err(format!("{}: {error}", path.display()));
    };
    let text = io::Error::from_raw_os_error(number).to_string();
    os_error(number, text.split(" (os error").next().unwrap_or_default(), path, Some(number))
}

/// `windows` is the system's number there, from which Python takes its own.
fn os_error(number: i32, text: &str, path: &Path, windows: Option<i32>) -> PyErr {
    let (text, name) = (text.to_owned(), path.as_os_str().to_owned());
    match windows.filter(|_| cfg!(windows)) {
        Some(windows) => PyOSError::new_err((0, text, name, windows)),
        None => PyOSError::new_err((number, text, name)),
    }
}
