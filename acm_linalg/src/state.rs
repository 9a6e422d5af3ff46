//! Models as bytes: the safetensors format, a JSON header and raw arrays. Reading runs nothing and believes nothing.
//!
//! The header's only text is `acm_rs`: the kind of model and the version of its format. Everything else is an array: float64,
//! uint64, or uint8 for words. The same model gives the same bytes.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

use crate::error::{Error, Result, StateFault};

/// The header's key.
const KEY: &str = "acm_rs";

/// A model that can be written and read.
pub trait Persist: Sized {
    /// What the file says it is: the public name of the model.
    const KIND: &'static str;

    /// Version of the fields below. Readers keep reading older ones.
    const VERSION: u64;

    /// Puts the fields.
    fn write(&self, to: &mut Writer);

    /// Takes the fields back and checks all that scoring relies on.
    ///
    /// # Errors
    /// [`Error::State`].
    fn read(from: &Reader<'_>) -> Result<Self>;

    /// The model as bytes.
    ///
    /// # Errors
    /// [`Error::Memory`].
    fn to_bytes(&self) -> Result<Vec<u8>> {
        to_bytes_with(self, &())
    }

    /// The model from bytes.
    ///
    /// # Errors
    /// [`Error::State`] for anything that is no whole and sound model of this kind.
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
    /// [`Error::State`].
    fn read(from: &Reader<'_>) -> Result<Self>;
}

impl Memory for () {
    fn write(&self, _: &mut Writer) {}

    fn read(_: &Reader<'_>) -> Result<Self> {
        Ok(())
    }
}

/// A model and its memory as bytes.
///
/// # Errors
/// [`Error::Memory`].
pub fn to_bytes_with<P: Persist, M: Memory>(model: &P, memory: &M) -> Result<Vec<u8>> {
    let mut to = Writer::default();
    model.write(&mut to);
    memory.write(&mut to);
    to.finish(P::KIND, P::VERSION)
}

/// A model and its memory from bytes.
///
/// # Errors
/// [`Error::State`] for anything that is no whole and sound model of this kind.
pub fn from_bytes_with<P: Persist, M: Memory>(bytes: &[u8]) -> Result<(P, M)> {
    let from = Reader::open(bytes, P::KIND, P::VERSION)?;
    Ok((P::read(&from)?, M::read(&from)?))
}

struct Field {
    name: &'static str,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// Collects the fields of a model.
#[derive(Default)]
pub struct Writer {
    fields: Vec<Field>,
}

impl Writer {
    fn put(&mut self, name: &'static str, dtype: Dtype, shape: &[usize], bytes: Vec<u8>) {
        debug_assert!(self.fields.iter().all(|field| field.name != name), "{name} twice");
        let shape = shape.to_vec();
        self.fields.push(Field {
            name,
            dtype,
            shape,
            bytes,
        });
    }

    /// A real number.
    pub fn real(&mut self, name: &'static str, value: f64) {
        self.put(name, Dtype::F64, &[], value.to_le_bytes().to_vec());
    }

    /// A whole number.
    pub fn count(&mut self, name: &'static str, value: u64) {
        self.put(name, Dtype::U64, &[], value.to_le_bytes().to_vec());
    }

    /// A word, such as the name of an option.
    pub fn text(&mut self, name: &'static str, value: &str) {
        self.put(name, Dtype::U8, &[value.len()], value.as_bytes().to_vec());
    }

    /// Real numbers.
    pub fn reals(&mut self, name: &'static str, values: &[f64]) {
        self.put(name, Dtype::F64, &[values.len()], values.iter().flat_map(|value| value.to_le_bytes()).collect());
    }

    /// A matrix, row after row.
    ///
    /// # Panics
    /// Unless `values` are `rows * columns`.
    pub fn matrix(&mut self, name: &'static str, rows: usize, columns: usize, values: &[f64]) {
        assert_eq!(values.len(), rows * columns, "{name}");
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.put(name, Dtype::F64, &[rows, columns], bytes);
    }

    /// Whole numbers.
    pub fn counts(&mut self, name: &'static str, values: &[u64]) {
        self.put(name, Dtype::U64, &[values.len()], values.iter().flat_map(|value| value.to_le_bytes()).collect());
    }

    fn finish(self, kind: &'static str, version: u64) -> Result<Vec<u8>> {
        let wrong = |name| Error::State {
            kind,
            reason: StateFault::Wrong(name),
        };
        let mut views = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            let view = TensorView::new(field.dtype, field.shape.clone(), &field.bytes);
            views.push((field.name, view.map_err(|_| wrong(field.name))?));
        }
        let header = HashMap::from([(KEY.to_owned(), format!("{kind} {version}"))]);
        serialize(views, Some(header)).map_err(|_| wrong("the header"))
    }
}

/// The fields of a saved model.
pub struct Reader<'a> {
    kind: &'static str,
    version: u64,
    fields: SafeTensors<'a>,
}

impl<'a> Reader<'a> {
    fn open(bytes: &'a [u8], kind: &'static str, newest: u64) -> Result<Self> {
        let fault = |reason| Error::State { kind, reason };
        let damaged = |_| fault(StateFault::Damaged);
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
        let text = header.metadata().as_ref().and_then(|texts| texts.get(KEY));
        let (found, version) = text.and_then(|text| text.rsplit_once(' ')).ok_or_else(|| fault(StateFault::Foreign))?;
        let version: u64 = version.parse().map_err(|_| fault(StateFault::Foreign))?;
        if found != kind {
            return Err(fault(StateFault::OtherKind));
        }
        if version > newest {
            return Err(fault(StateFault::Newer(version)));
        }
        let fields = SafeTensors::deserialize(bytes).map_err(damaged)?;
        Ok(Self { kind, version, fields })
    }

    /// The version that the model was written with: at most [`Persist::VERSION`].
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The error that says that the field `name` cannot be so.
    #[must_use]
    pub fn wrong(&self, name: &'static str) -> Error {
        Error::State {
            kind: self.kind,
            reason: StateFault::Wrong(name),
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
        self.fields.tensor(name).is_ok()
    }

    fn field(&self, name: &'static str, dtype: Dtype, dimensions: usize) -> Result<TensorView<'a>> {
        let field = self.fields.tensor(name).map_err(|_| Error::State {
            kind: self.kind,
            reason: StateFault::Missing(name),
        })?;
        self.require(field.dtype() == dtype && field.shape().len() == dimensions, name)?;
        Ok(field)
    }

    /// A real number.
    ///
    /// # Errors
    /// [`Error::State`]; so for all below.
    pub fn real(&self, name: &'static str) -> Result<f64> {
        let field = self.field(name, Dtype::F64, 0)?;
        words(field.data()).next().map(f64::from_le_bytes).ok_or_else(|| self.wrong(name))
    }

    /// A whole number.
    ///
    /// # Errors
    /// [`Error::State`].
    pub fn count(&self, name: &'static str) -> Result<u64> {
        let field = self.field(name, Dtype::U64, 0)?;
        words(field.data()).next().map(u64::from_le_bytes).ok_or_else(|| self.wrong(name))
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
    pub fn text(&self, name: &'static str) -> Result<&'a str> {
        let field = self.field(name, Dtype::U8, 1)?;
        std::str::from_utf8(field.data()).map_err(|_| self.wrong(name))
    }

    /// `count` real numbers.
    ///
    /// # Errors
    /// [`Error::State`].
    pub fn reals(&self, name: &'static str, count: usize) -> Result<Vec<f64>> {
        let field = self.field(name, Dtype::F64, 1)?;
        self.require(field.shape() == [count], name)?;
        Ok(words(field.data()).map(f64::from_le_bytes).collect())
    }

    /// A matrix of `rows` rows and `columns` columns, row after row.
    ///
    /// # Errors
    /// [`Error::State`].
    pub fn matrix(&self, name: &'static str, rows: usize, columns: usize) -> Result<Vec<f64>> {
        let field = self.field(name, Dtype::F64, 2)?;
        self.require(field.shape() == [rows, columns], name)?;
        Ok(words(field.data()).map(f64::from_le_bytes).collect())
    }

    /// `count` whole numbers.
    ///
    /// # Errors
    /// [`Error::State`].
    pub fn counts(&self, name: &'static str, count: usize) -> Result<Vec<u64>> {
        let field = self.field(name, Dtype::U64, 1)?;
        self.require(field.shape() == [count], name)?;
        Ok(words(field.data()).map(u64::from_le_bytes).collect())
    }

    /// How many values the one-dimensional field `name` has.
    ///
    /// # Errors
    /// [`Error::State`].
    pub fn length(&self, name: &'static str) -> Result<usize> {
        let field = self.fields.tensor(name).map_err(|_| Error::State {
            kind: self.kind,
            reason: StateFault::Missing(name),
        })?;
        match field.shape() {
            [length] => Ok(*length),
            _ => Err(self.wrong(name)),
        }
    }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = [u8; 8]> {
    bytes.as_chunks::<8>().0.iter().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Model {
        level: f64,
        steps: u64,
        manner: String,
        loads: Vec<f64>,
        parents: Vec<u64>,
    }

    impl Persist for Model {
        const KIND: &'static str = "Model";
        const VERSION: u64 = 2;

        fn write(&self, to: &mut Writer) {
            to.real("level", self.level);
            to.count("steps", self.steps);
            to.text("manner", &self.manner);
            to.matrix("loads", self.loads.len() / 2, 2, &self.loads);
            to.counts("parents", &self.parents);
        }

        fn read(from: &Reader<'_>) -> Result<Self> {
            let parents = from.counts("parents", from.length("parents")?)?;
            Ok(Self {
                level: from.real("level")?,
                steps: from.count("steps")?,
                manner: from.text("manner")?.to_owned(),
                loads: from.matrix("loads", parents.len(), 2)?,
                parents,
            })
        }
    }

    struct Other;

    impl Persist for Other {
        const KIND: &'static str = "Other";
        const VERSION: u64 = 1;

        fn write(&self, _: &mut Writer) {}

        fn read(_: &Reader<'_>) -> Result<Self> {
            Ok(Self)
        }
    }

    fn model() -> Model {
        Model {
            level: -0.0,
            steps: u64::MAX,
            manner: "p95".to_owned(),
            loads: vec![1.5, f64::NAN, f64::INFINITY, 4.0],
            parents: vec![3, 4],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = model().to_bytes().unwrap();
        assert_eq!(bytes, model().to_bytes().unwrap());
        let read = Model::from_bytes(&bytes).unwrap();
        assert_eq!(bytes, read.to_bytes().unwrap());
    }

    #[test]
    fn no_cut_and_no_flipped_byte_does_harm() {
        let bytes = model().to_bytes().unwrap();
        for length in 0..bytes.len() {
            let error = Model::from_bytes(&bytes[..length]).unwrap_err();
            assert!(error.to_string().starts_with("not a saved Model: "), "{error}");
        }
        for place in 0..bytes.len() {
            for bit in [0, 3, 7] {
                let mut wrong = bytes.clone();
                wrong[place] ^= 1 << bit;
                let _ = Model::from_bytes(&wrong);
            }
        }
    }

    #[test]
    fn other_kinds_and_newer_versions_are_refused() {
        let other = Other.to_bytes().unwrap();
        let fault = |bytes: &[u8]| match Model::from_bytes(bytes) {
            Err(Error::State { reason, .. }) => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(fault(&other), StateFault::OtherKind);
        let newer = Writer::default().finish("Model", 3).unwrap();
        assert_eq!(fault(&newer), StateFault::Newer(3));
        let empty = Writer::default().finish("Model", 2).unwrap();
        assert_eq!(fault(&empty), StateFault::Missing("parents"));
        let foreign = serialize(Vec::<(String, TensorView<'_>)>::new(), None).unwrap();
        assert_eq!(fault(&foreign), StateFault::Foreign);
        assert_eq!(fault(b"PK\x03\x04"), StateFault::Damaged);
    }
}
