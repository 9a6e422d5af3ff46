//! Models as bytes: the safetensors format, a JSON header and raw arrays. Reading runs nothing and believes nothing.
//!
//! The header's only text is `acm_rs`: the kind of model and the version of its format. Everything else is an array: float64,
//! uint64, or uint8 for words. The same model gives the same bytes.
//!
//! Names of sensors and metadata stand in a file that has any: `names` one after the other, `metadata` with each key before
//! its value, sorted by the keys; `names.lengths` and `metadata.lengths` cut them. As arrays they may be of any size and hold
//! any text, and no reader of JSON allocates for them.
//!
//! From version 2 on the last eight bytes are a checksum of all before them, the array `~crc64`: CRC-64/XZ, low byte first. A
//! CRC at the end finds every burst of up to 64 damaged bits wherever it lies, so each single flipped bit, and misses one in
//! 2^64 of all other damage. A cryptographic hash would find no more: what can be altered on purpose can be hashed anew.

mod reader;
mod texts;
mod writer;

use crc::{CRC_64_XZ, Crc, Table};

use crate::error::Result;
use crate::parallel::Watch;

pub use reader::{Reader, START, check_start};
pub use texts::{Metadata, Names, Texts};
pub use writer::Writer;

/// The header's key.
const KEY: &str = "acm_rs";

/// The array of the checksum. The format sorts arrays by type and then by name: no word's name is behind this one.
const CHECKSUM: &str = "~crc64";

/// What lacks where memory does.
const WHAT: &str = "a saved model";

/// Bytes of the checksum.
const SEAL: usize = 8;

/// The arrays of the sensors' names and of the metadata, each with that of its lengths.
const NAMES: (&str, &str) = ("names", "names.lengths");
const METADATA: (&str, &str) = ("metadata", "metadata.lengths");

/// The first version that has a checksum, and may have names and metadata.
const SEALED: u64 = 2;

/// Bytes between two looks at the request to stop.
const LOOK: usize = 1 << 20;

static CRC: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_XZ);

/// A model that can be written and read.
///
/// # Examples
///
/// ```
/// use acm_linalg::{Persist, Reader, Result, Writer};
///
/// # fn main() -> acm_linalg::Result<()> {
/// struct Offset(f64);
///
/// impl Persist for Offset {
///     const KIND: &'static str = "Offset";
///     const VERSION: u64 = 2;
///
///     fn write(&self, to: &mut Writer) {
///         to.real("offset", self.0);
///     }
///
///     fn read(from: &Reader<'_>) -> Result<Self> {
///         from.real("offset").map(Self)
///     }
/// }
///
/// let mut bytes = Offset(1.5).to_bytes()?;
/// assert_eq!(Offset::from_bytes(&bytes)?.0, 1.5);
/// // A file with a flipped bit is no model.
/// bytes[30] ^= 1;
/// assert!(Offset::from_bytes(&bytes).is_err());
/// # Ok(())
/// # }
/// ```
pub trait Persist: Sized {
    /// What the file says it is: the public name of the model.
    const KIND: &'static str;

    /// Version of the fields below, at least 2. Readers keep reading older ones.
    const VERSION: u64;

    /// Columns that it was fitted on; none where it takes any number of them, and no names.
    fn sensors(&self) -> Option<usize> {
        None
    }

    /// The version of the fields that it is written with: an older one where a model of that version stays what it was.
    fn version(&self) -> u64 {
        Self::VERSION
    }

    /// How many numbers its fields hold, about, where they may be many.
    fn size(&self) -> usize {
        0
    }

    /// Puts the fields.
    fn write(&self, to: &mut Writer);

    /// Takes all the fields back and checks what scoring relies on.
    ///
    /// # Errors
    /// [`crate::Error::State`]; [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
    fn read(from: &Reader<'_>) -> Result<Self>;

    /// The model as bytes.
    ///
    /// # Errors
    /// [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
    fn to_bytes(&self) -> Result<Vec<u8>> {
        to_bytes_with(self, &())
    }

    /// The model from bytes.
    ///
    /// # Errors
    /// [`crate::Error::State`] for anything that is no whole and sound model of this kind; [`crate::Error::Memory`];
    /// [`crate::Error::Interrupted`].
    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Ok(from_bytes_with::<Self, ()>(bytes)?.0)
    }
}

/// What a model remembers of a history that it scores as it comes.
pub trait Memory: Sized + Default {
    /// Puts the fields, whose names begin with `live.`; none for a fresh memory.
    fn write(&self, to: &mut Writer);

    /// Takes the fields back; a fresh memory where there are none.
    ///
    /// # Errors
    /// [`crate::Error::State`]; [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
    fn read(from: &Reader<'_>) -> Result<Self>;

    /// A copy to move on: the memory itself stays as it is until the call has ended.
    ///
    /// # Errors
    /// [`crate::Error::Memory`].
    fn copy(&self) -> Result<Self>;
}

impl Memory for () {
    fn write(&self, _: &mut Writer) {}

    fn read(_: &Reader<'_>) -> Result<Self> {
        Ok(())
    }

    fn copy(&self) -> Result<Self> {
        Ok(())
    }
}

/// A model and its memory as bytes.
///
/// # Errors
/// [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
pub fn to_bytes_with<P: Persist, M: Memory>(model: &P, memory: &M) -> Result<Vec<u8>> {
    to_bytes_named(model, memory, None, &Metadata::default())
}

/// A model, its memory, its sensors' names and its metadata as bytes.
///
/// # Errors
/// [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
pub fn to_bytes_named<P: Persist, M: Memory>(
    model: &P,
    memory: &M,
    names: Option<&Names>,
    metadata: &Metadata,
) -> Result<Vec<u8>> {
    let mut to = Writer::new();
    model.write(&mut to);
    memory.write(&mut to);
    if let Some(names) = names {
        to.texts(NAMES, names);
    }
    if !metadata.is_empty() {
        to.texts(METADATA, metadata.texts());
    }
    to.finish(P::KIND, model.version())
}

/// What a file holds.
#[derive(Debug, PartialEq)]
pub struct Saved<P, M> {
    /// The model.
    pub model: P,
    /// What it remembers.
    pub memory: M,
    /// Its sensors' names, as many as it has columns.
    pub names: Option<Names>,
    /// What people noted about it.
    pub metadata: Metadata,
}

/// A model and all that stands beside it from bytes.
///
/// # Errors
/// As for [`from_bytes_with`].
pub fn from_bytes_named<P: Persist, M: Memory>(bytes: &[u8]) -> Result<Saved<P, M>> {
    let from = Reader::open(bytes, P::KIND, P::VERSION)?;
    let (model, memory) = (P::read(&from)?, M::read(&from)?);
    let names = from.texts(NAMES)?.map(|texts| {
        from.require(Some(texts.len()) == model.sensors(), NAMES.0)?;
        Names::new(texts).map_err(|error| from.blamed(NAMES.0, error))
    });
    let metadata = from
        .texts(METADATA)?
        .map(|texts| Metadata::kept(texts).ok_or_else(|| from.wrong(METADATA.0)));
    let read = Saved {
        model,
        memory,
        names: names.transpose()?,
        metadata: metadata.transpose()?.unwrap_or_default(),
    };
    from.finish()?;
    Ok(read)
}

/// A model and its memory from bytes.
///
/// # Errors
/// [`crate::Error::State`] for anything that is no whole and sound model of this kind; [`crate::Error::Memory`];
/// [`crate::Error::Interrupted`].
pub fn from_bytes_with<P: Persist, M: Memory>(bytes: &[u8]) -> Result<(P, M)> {
    let from = Reader::open(bytes, P::KIND, P::VERSION)?;
    let read = (P::read(&from)?, M::read(&from)?);
    from.finish()?;
    Ok(read)
}

/// Puts the checksum of a saved model where it belongs: into its last bytes.
///
/// # Errors
/// [`crate::Error::Interrupted`].
pub fn seal(bytes: &mut [u8]) -> Result<()> {
    let end = bytes.len().saturating_sub(SEAL);
    let sum = checksum(&bytes[..end])?.to_le_bytes();
    bytes[end..].iter_mut().zip(sum).for_each(|(to, from)| *to = from);
    Ok(())
}

fn checksum(bytes: &[u8]) -> Result<u64> {
    let mut watch = Watch::start();
    let mut digest = CRC.digest();
    for piece in bytes.chunks(LOOK) {
        watch.look()?;
        digest.update(piece);
    }
    Ok(digest.finalize())
}

#[cfg(test)]
mod tests;
