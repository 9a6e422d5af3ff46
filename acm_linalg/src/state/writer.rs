//! Fields into bytes.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, TensorView, serialize};

use super::{CHECKSUM, KEY, LOOK, SEAL, Texts, WHAT, seal};
use crate::error::{Error, Result, StateFault};
use crate::memory::{copied, extend, probe, reserved};
use crate::parallel::Watch;

struct Field {
    name: &'static str,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// Collects the fields of a model.
pub struct Writer {
    fields: Vec<Field>,
    /// The first thing that went wrong; nothing is collected any more.
    failed: Option<Error>,
    watch: Watch,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self {
            fields: Vec::new(),
            failed: None,
            watch: Watch::start(),
        }
    }

    /// Tells that a field cannot be made: the model cannot be written.
    pub fn fail(&mut self, error: Error) {
        self.failed.get_or_insert(error);
    }

    fn put(&mut self, name: &'static str, dtype: Dtype, shape: &[usize], bytes: Result<Vec<u8>>) {
        debug_assert!(self.fields.iter().all(|field| field.name != name), "{name} twice");
        debug_assert!(name <= CHECKSUM, "{name} would stand behind the checksum");
        match bytes {
            Ok(bytes) => self.fields.push(Field {
                name,
                dtype,
                shape: shape.to_vec(),
                bytes,
            }),
            Err(error) => self.fail(error),
        }
    }

    fn words(&mut self, mut words: impl Iterator<Item = [u8; 8]>) -> Result<Vec<u8>> {
        let told = words.size_hint().0;
        let mut bytes: Vec<u8> = reserved(told.saturating_mul(8), WHAT)?;
        loop {
            self.watch.look()?;
            let before = bytes.len();
            for word in words.by_ref().take(LOOK / 8) {
                extend(&mut bytes, word, WHAT)?;
            }
            if bytes.len() == before {
                return Ok(bytes);
            }
        }
    }

    /// A real number.
    pub fn real(&mut self, name: &'static str, value: f64) {
        self.put(name, Dtype::F64, &[], Ok(value.to_le_bytes().to_vec()));
    }

    /// A whole number.
    pub fn count(&mut self, name: &'static str, value: u64) {
        self.put(name, Dtype::U64, &[], Ok(value.to_le_bytes().to_vec()));
    }

    /// A word, such as the name of an option.
    pub fn text(&mut self, name: &'static str, value: &str) {
        self.put(name, Dtype::U8, &[value.len()], Ok(value.as_bytes().to_vec()));
    }

    /// Texts, and how long each is.
    pub(super) fn texts(&mut self, (whole, lengths): (&'static str, &'static str), texts: &Texts) {
        let bytes = copied(texts.whole().as_bytes(), WHAT);
        self.put(whole, Dtype::U8, &[texts.size()], bytes);
        self.counted(lengths, texts.iter().map(|text| text.len() as u64));
    }

    /// Real numbers.
    pub fn reals(&mut self, name: &'static str, values: &[f64]) {
        self.measured(name, values.iter().copied());
    }

    /// Real numbers as they come.
    pub fn measured(&mut self, name: &'static str, values: impl Iterator<Item = f64>) {
        let bytes = self.words(values.map(f64::to_le_bytes));
        let count = bytes.as_ref().map_or(0, |bytes| bytes.len() / 8);
        self.put(name, Dtype::F64, &[count], bytes);
    }

    /// A matrix, row after row.
    ///
    /// # Panics
    /// Unless `values` are `rows * columns`.
    pub fn matrix(&mut self, name: &'static str, rows: usize, columns: usize, values: &[f64]) {
        assert_eq!(values.len(), rows * columns, "{name}");
        let bytes = self.words(values.iter().map(|value| value.to_le_bytes()));
        self.put(name, Dtype::F64, &[rows, columns], bytes);
    }

    /// Whole numbers.
    pub fn counts(&mut self, name: &'static str, values: &[u64]) {
        self.counted(name, values.iter().copied());
    }

    /// Whole numbers as they come.
    pub fn counted(&mut self, name: &'static str, values: impl Iterator<Item = u64>) {
        let bytes = self.words(values.map(u64::to_le_bytes));
        let count = bytes.as_ref().map_or(0, |bytes| bytes.len() / 8);
        self.put(name, Dtype::U64, &[count], bytes);
    }

    pub(super) fn finish(mut self, kind: &'static str, version: u64) -> Result<Vec<u8>> {
        self.put(CHECKSUM, Dtype::U8, &[SEAL], Ok(vec![0; SEAL]));
        if let Some(error) = self.failed {
            return Err(error);
        }
        let wrong = |name| Error::State {
            kind,
            reason: StateFault::Wrong(name),
        };
        let mut views = Vec::with_capacity(self.fields.len());
        let mut size = 0_usize;
        for field in &self.fields {
            size = size.saturating_add(field.bytes.len());
            let view = TensorView::new(field.dtype, field.shape.clone(), &field.bytes);
            views.push((field.name, view.map_err(|_| wrong(field.name))?));
        }
        // safetensors takes its memory for granted: this finds out whether it is there.
        probe(size.saturating_add(super::START), WHAT)?;
        let header = HashMap::from([(KEY.to_owned(), format!("{kind} {version}"))]);
        let mut bytes = serialize(views, Some(header)).map_err(|_| wrong("the header"))?;
        seal(&mut bytes)?;
        Ok(bytes)
    }
}
