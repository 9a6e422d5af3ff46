//! Texts that a model keeps: its sensors' names, and what people note about it.

use std::ops::{Deref, Index};
use std::sync::Arc;

use crate::error::{Error, Result, require};
use crate::memory::{Gather, append, push};

/// What lacks where memory does.
const WHAT: &str = "names and metadata";

/// Texts in one piece of memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    whole: String,
    ends: Vec<usize>,
}

impl Texts {
    /// Appends a text.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn push(&mut self, text: &str) -> Result<()> {
        append(&mut self.whole, text, WHAT)?;
        push(&mut self.ends, self.whole.len(), WHAT)
    }

    /// `whole` cut into pieces of so many bytes; nothing where it cannot be.
    pub(super) fn cut(whole: &str, lengths: &[u64]) -> Result<Option<Self>> {
        let mut texts = Self::default();
        let mut rest = whole;
        for &length in lengths {
            let Some((text, behind)) = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length))
            else {
                return Ok(None);
            };
            texts.push(text)?;
            rest = behind;
        }
        Ok(Some(texts).filter(|_| rest.is_empty()))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all of them together.
    #[must_use]
    pub fn size(&self) -> usize {
        self.whole.len()
    }

    pub(super) fn whole(&self) -> &str {
        &self.whole
    }

    /// The texts in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|number| &self[number])
    }

    /// `Ok` where no two of every `step`-th text are the same; their numbers, sorted by the texts.
    fn differing(&self, step: usize, name: &'static str, what: &'static str) -> Result<Vec<usize>> {
        let mut order = (0..self.len()).step_by(step).gathered(WHAT)?;
        order.sort_unstable_by(|&one, &other| self[one].cmp(&self[other]).then(one.cmp(&other)));
        match order.windows(2).find(|pair| self[pair[0]] == self[pair[1]]) {
            None => Ok(order),
            Some(pair) => Err(Error::Repeated {
                name,
                what,
                first: pair[0] / step,
                second: pair[1] / step,
            }),
        }
    }
}

impl Index<usize> for Texts {
    type Output = str;

    fn index(&self, number: usize) -> &str {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.whole[start..self.ends[number]]
    }
}

/// The names of a model's sensors, one for each column, no two the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(Arc<Texts>);

impl Names {
    /// Names that differ from each other.
    ///
    /// # Errors
    /// [`Error::Repeated`]; [`Error::Memory`].
    pub fn new(texts: Texts) -> Result<Self> {
        texts.differing(1, "names", "name")?;
        Ok(Self(Arc::new(texts)))
    }
}

impl Deref for Names {
    type Target = Texts;

    fn deref(&self) -> &Texts {
        &self.0
    }
}

/// What people note about a model: keys with values, sorted by the keys, no two of which are the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata(Texts);

impl Metadata {
    /// Most bytes of all keys and values.
    pub const MOST_BYTES: usize = 1 << 24;

    /// Most keys.
    pub const MOST_KEYS: usize = 1 << 16;

    /// Sorts texts that are keys and values in turn.
    ///
    /// # Errors
    /// Those of [`Self::admit`]; [`Error::Repeated`]; [`Error::Memory`].
    pub fn new(pairs: &Texts) -> Result<Self> {
        Self::admit(pairs.len() / 2, pairs.size())?;
        let mut sorted = Texts::default();
        for key in pairs.differing(2, "metadata", "key")? {
            sorted.push(&pairs[key])?;
            sorted.push(&pairs[key + 1])?;
        }
        Ok(Self(sorted))
    }

    /// `Ok` where so much may be noted.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn admit(keys: usize, bytes: usize) -> Result<()> {
        require(keys <= Self::MOST_KEYS, "metadata", "at most 65536 keys", keys)?;
        require(bytes <= Self::MOST_BYTES, "metadata", "at most 16777216 bytes of keys and values", bytes)
    }

    /// The same keys and values, where they stand as [`Self::new`] puts them.
    pub(super) fn kept(pairs: Texts) -> Option<Self> {
        let even = pairs.len().is_multiple_of(2) && !pairs.is_empty();
        let admitted = even && Self::admit(pairs.len() / 2, pairs.size()).is_ok();
        let rising = |pairs: &Texts| (2..pairs.len()).step_by(2).all(|key| pairs[key - 2] < pairs[key]);
        Some(pairs).filter(|pairs| admitted && rising(pairs)).map(Self)
    }

    /// Whether nothing is noted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keys and values in turn.
    #[must_use]
    pub fn texts(&self) -> &Texts {
        &self.0
    }

    /// Each key with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        (0..self.0.len()).step_by(2).map(|key| (&self.0[key], &self.0[key + 1]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(of: &[&str]) -> Texts {
        let mut texts = Texts::default();
        of.iter().for_each(|text| texts.push(text).unwrap());
        texts
    }

    #[test]
    fn what_is_pushed_stands_there() {
        let of = ["flow", "", "\u{1f525} \"p\"\n", "", "x"];
        let all = texts(&of);
        assert!(all.iter().eq(of));
        assert_eq!((all.len(), all.size(), all.is_empty()), (5, of.concat().len(), false));
        assert!(Texts::default().is_empty());
    }

    #[test]
    fn only_lengths_that_fit_cut() {
        let cut = |lengths: &[u64]| Texts::cut("aéb", lengths).unwrap();
        assert_eq!(cut(&[1, 2, 1]), Some(texts(&["a", "é", "b"])));
        assert_eq!(cut(&[0, 4, 0]), Some(texts(&["", "aéb", ""])));
        for wrong in [
            &[][..],
            &[3],
            &[1, 1, 2],
            &[2, 2],
            &[4, 1],
            &[5],
            &[u64::MAX, 5],
            &[4, u64::MAX],
        ] {
            assert_eq!(cut(wrong), None, "{wrong:?}");
        }
        assert_eq!(Texts::cut("", &[]).unwrap(), Some(Texts::default()));
    }

    #[test]
    fn no_name_stands_twice() {
        let names = Names::new(texts(&["b", "a", "", "ab"])).unwrap();
        assert!(names.iter().eq(["b", "a", "", "ab"]));
        let error = Names::new(texts(&["b", "a", "c", "a"])).unwrap_err();
        assert_eq!(error.to_string(), "`names` must have no name twice, got the same at 1 and 3");
    }

    #[test]
    fn metadata_are_sorted_and_have_bounds() {
        let metadata = Metadata::new(&texts(&["unit", "bar", "asset", "P-101", "é", ""])).unwrap();
        assert!(metadata.iter().eq([("asset", "P-101"), ("unit", "bar"), ("é", "")]));
        assert_eq!(Metadata::kept(metadata.texts().clone()), Some(metadata));
        let twice = Metadata::new(&texts(&["a", "1", "b", "2", "a", "3"])).unwrap_err();
        assert_eq!(twice.to_string(), "`metadata` must have no key twice, got the same at 0 and 2");
        assert!(Metadata::new(&Texts::default()).unwrap().is_empty());
        for wrong in [
            &[][..],
            &["a"],
            &["b", "1", "a", "2"],
            &["a", "1", "a", "2"],
            &["a", "1", "b"],
        ] {
            assert_eq!(Metadata::kept(texts(wrong)), None, "{wrong:?}");
        }
        let most = "x".repeat(Metadata::MOST_BYTES);
        assert!(Metadata::new(&texts(&["", &most])).is_ok() && Metadata::kept(texts(&["", &most])).is_some());
        assert!(Metadata::kept(texts(&["a", &most])).is_none());
        let error = Metadata::new(&texts(&["a", &most])).unwrap_err();
        assert!(error.to_string().starts_with("`metadata` must be at most 16777216 bytes"), "{error}");
        assert!(
            Metadata::admit(Metadata::MOST_KEYS, 0).is_ok() && Metadata::admit(Metadata::MOST_KEYS + 1, 0).is_err()
        );
    }
}
