//! Bytes into fields: the header first, and only what the header and the checksum vouch for.

use std::cell::RefCell;
use std::collections::HashSet;

use safetensors::tensor::{Dtype, Metadata};

use super::{CHECKSUM, KEY, LOOK, Persist, SEAL, SEALED, Texts, WHAT, checksum};
use crate::error::{Error, Result, StateFault};
use crate::memory::reserved;
use crate::parallel::Watch;

/// Bytes in front of the header: its length.
const LENGTH: usize = 8;

/// Longest header. Ours have some thousand bytes.
const LONGEST: usize = 1 << 16;

/// So many bytes, or all where there are fewer, tell [`check_start`] what the rest must be.
pub const START: usize = LENGTH + LONGEST;

/// Checks what a file of `size` bytes claims to be by its first [`START`] bytes, before the rest is read.
///
/// # Errors
/// [`Error::State`] where it can be no model of this kind.
pub fn check_start<P: Persist>(start: &[u8], size: u64) -> Result<()> {
    Header::read(start, size, P::KIND, P::VERSION).map(|_| ())
}

/// What stands before the arrays.
struct Header {
    version: u64,
    /// Where the arrays begin.
    end: usize,
    arrays: Metadata,
}

impl Header {
    fn read(start: &[u8], size: u64, kind: &'static str, newest: u64) -> Result<Self> {
        let fault = |reason| Error::State { kind, reason };
        let damaged = || fault(StateFault::Damaged);
        let (length, rest) = start.split_first_chunk::<LENGTH>().ok_or_else(damaged)?;
        let length = u64::from_le_bytes(*length);
        if length > LONGEST as u64 && length < size {
            return Err(fault(StateFault::Foreign));
        }
        let length = usize::try_from(length).map_err(|_| damaged())?;
        let text = rest.get(..length).and_then(|text| std::str::from_utf8(text).ok()).ok_or_else(damaged)?;
        let arrays: Metadata = serde_json::from_str(text).map_err(|_| damaged())?;
        let end = LENGTH + length;
        if (end as u64).checked_add(arrays.data_len() as u64) != Some(size) {
            return Err(damaged());
        }
        let texts = arrays.metadata().as_ref().filter(|texts| texts.len() == 1);
        let known = texts.and_then(|texts| texts.get(KEY));
        let (found, written) =
            known.and_then(|text| text.rsplit_once(' ')).ok_or_else(|| fault(StateFault::Foreign))?;
        let version: u64 = written.parse().map_err(|_| fault(StateFault::Foreign))?;
        if version == 0 || version.to_string() != written {
            return Err(fault(StateFault::Foreign));
        }
        if found != kind {
            return Err(fault(StateFault::OtherKind));
        }
        if version > newest {
            return Err(fault(StateFault::Newer(version)));
        }
        let entries = arrays.tensors().len();
        // Of an entry that stands twice the reader of JSON shows only the last.
        if text.matches("\"data_offsets\"").count() != entries || text.matches(KEY).count() != 1 {
            return Err(damaged());
        }
        // No version takes the other's form: a changed number cannot get rid of the checksum.
        let seal = arrays.info(CHECKSUM);
        let sealed = seal.is_some_and(|seal| {
            seal.dtype == Dtype::U8 && seal.shape == [SEAL] && seal.data_offsets.1 == arrays.data_len()
        });
        if sealed != (version >= SEALED) || seal.is_some() != sealed {
            return Err(fault(StateFault::Altered));
        }
        Ok(Self { version, end, arrays })
    }
}

struct Field<'a> {
    shape: &'a [usize],
    data: &'a [u8],
}

/// The fields of a saved model.
pub struct Reader<'a> {
    kind: &'static str,
    header: Header,
    data: &'a [u8],
    /// Names of the fields that were asked for.
    asked: RefCell<HashSet<&'static str>>,
    watch: RefCell<Watch>,
}

impl<'a> Reader<'a> {
    pub(super) fn open(bytes: &'a [u8], kind: &'static str, newest: u64) -> Result<Self> {
        let header = Header::read(&bytes[..bytes.len().min(START)], bytes.len() as u64, kind, newest)?;
        if header.version >= SEALED {
            let (body, seal) = bytes.split_at(bytes.len() - SEAL);
            if checksum(body)?.to_le_bytes() != seal {
                return Err(Error::State {
                    kind,
                    reason: StateFault::Altered,
                });
            }
        }
        Ok(Self {
            kind,
            data: &bytes[header.end..],
            header,
            asked: RefCell::default(),
            watch: RefCell::new(Watch::start()),
        })
    }

    /// `Ok` where every field was asked for: what nobody knows might change what the model means.
    pub(super) fn finish(&self) -> Result<()> {
        let known = self.asked.borrow().len() + usize::from(self.header.version >= SEALED);
        if self.header.arrays.tensors().len() == known {
            return Ok(());
        }
        Err(Error::State {
            kind: self.kind,
            reason: StateFault::Surplus,
        })
    }

    /// The version that the model was written with: at most [`Persist::VERSION`].
    #[must_use]
    pub fn version(&self) -> u64 {
        self.header.version
    }

    /// The error that says that the field `name` cannot be so.
    #[must_use]
    pub fn wrong(&self, name: &'static str) -> Error {
        Error::State {
            kind: self.kind,
            reason: StateFault::Wrong(name),
        }
    }

    /// What went wrong while a model was made of the field `name`: the field's fault, unless memory or time ran out.
    #[must_use]
    pub fn blamed(&self, name: &'static str, error: Error) -> Error {
        match error {
            Error::Memory { .. } | Error::Interrupted | Error::InUse => error,
            _ => self.wrong(name),
        }
    }

    /// `Ok` where `condition` holds.
    ///
    /// # Errors
    /// [`Error::State`] saying that the field `name` cannot be so.
    pub fn require(&self, condition: bool, name: &'static str) -> Result<()> {
        if condition { Ok(()) } else { Err(self.wrong(name)) }
    }

    /// Whether there is such a field.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.header.arrays.info(name).is_some()
    }

    fn field(&self, name: &'static str, dtype: Dtype, dimensions: usize) -> Result<Field<'_>> {
        let info = self.header.arrays.info(name).ok_or(Error::State {
            kind: self.kind,
            reason: StateFault::Missing(name),
        })?;
        self.asked.borrow_mut().insert(name);
        self.require(info.dtype == dtype && info.shape.len() == dimensions, name)?;
        let (start, end) = info.data_offsets;
        let data = self.data.get(start..end).ok_or_else(|| self.wrong(name))?;
        Ok(Field {
            shape: &info.shape,
            data,
        })
    }

    fn word(&self, name: &'static str, dtype: Dtype) -> Result<[u8; 8]> {
        let field = self.field(name, dtype, 0)?;
        field.data.try_into().map_err(|_| self.wrong(name))
    }

    fn words<T>(&self, field: &Field<'_>, value: fn([u8; 8]) -> T) -> Result<Vec<T>> {
        let words = field.data.as_chunks::<8>().0;
        let mut values = reserved(words.len(), WHAT)?;
        for words in words.chunks(LOOK / 8) {
            self.watch.borrow_mut().look()?;
            values.extend(words.iter().map(|word| value(*word)));
        }
        Ok(values)
    }

    /// A real number.
    ///
    /// # Errors
    /// [`Error::State`]; so for all below.
    pub fn real(&self, name: &'static str) -> Result<f64> {
        self.word(name, Dtype::F64).map(f64::from_le_bytes)
    }

    /// A whole number.
    ///
    /// # Errors
    /// [`Error::State`].
    pub fn count(&self, name: &'static str) -> Result<u64> {
        self.word(name, Dtype::U64).map(u64::from_le_bytes)
    }

    /// A whole number that counts things in memory.
    ///
    /// # Errors
    /// [`Error::State`].
    pub fn size(&self, name: &'static str) -> Result<usize> {
        usize::try_from(self.count(name)?).map_err(|_| self.wrong(name))
    }

    /// A word.
    ///
    /// # Errors
    /// [`Error::State`].
    pub fn text(&self, name: &'static str) -> Result<&str> {
        let field = self.field(name, Dtype::U8, 1)?;
        std::str::from_utf8(field.data).map_err(|_| self.wrong(name))
    }

    /// Texts, where there are some; the first version had none.
    pub(super) fn texts(&self, (whole, lengths): (&'static str, &'static str)) -> Result<Option<Texts>> {
        if self.version() < SEALED || !(self.has(whole) || self.has(lengths)) {
            return Ok(None);
        }
        let cut = self.counts(lengths, self.length(lengths)?)?;
        let texts = Texts::cut(self.text(whole)?, &cut)?;
        texts.map(Some).ok_or_else(|| self.wrong(whole))
    }

    /// `count` real numbers.
    ///
    /// # Errors
    /// [`Error::State`]; for arrays also [`Error::Memory`] and [`Error::Interrupted`].
    pub fn reals(&self, name: &'static str, count: usize) -> Result<Vec<f64>> {
        let field = self.field(name, Dtype::F64, 1)?;
        self.require(field.shape == [count], name)?;
        self.words(&field, f64::from_le_bytes)
    }

    /// A matrix of `rows` rows and `columns` columns, row after row.
    ///
    /// # Errors
    /// As for [`Self::reals`].
    pub fn matrix(&self, name: &'static str, rows: usize, columns: usize) -> Result<Vec<f64>> {
        let field = self.field(name, Dtype::F64, 2)?;
        self.require(field.shape == [rows, columns], name)?;
        self.words(&field, f64::from_le_bytes)
    }

    /// `count` whole numbers.
    ///
    /// # Errors
    /// As for [`Self::reals`].
    pub fn counts(&self, name: &'static str, count: usize) -> Result<Vec<u64>> {
        let field = self.field(name, Dtype::U64, 1)?;
        self.require(field.shape == [count], name)?;
        self.words(&field, u64::from_le_bytes)
    }

    /// How many values the one-dimensional field `name` has.
    ///
    /// # Errors
    /// [`Error::State`].
    pub fn length(&self, name: &'static str) -> Result<usize> {
        let info = self.header.arrays.info(name).ok_or(Error::State {
            kind: self.kind,
            reason: StateFault::Missing(name),
        })?;
        match info.shape[..] {
            [length] => Ok(length),
            _ => Err(self.wrong(name)),
        }
    }
}
