use safetensors::tensor::{TensorView, serialize};

use super::*;
use crate::error::{Error, StateFault};

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

    fn sensors(&self) -> Option<usize> {
        Some(2)
    }

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

#[derive(Debug)]
struct Other;

impl Persist for Other {
    const KIND: &'static str = "Other";
    const VERSION: u64 = 3;

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

fn fault(bytes: &[u8]) -> StateFault {
    match Model::from_bytes(bytes) {
        Err(Error::State { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

fn texts(of: &[&str]) -> Texts {
    let mut texts = Texts::default();
    of.iter().for_each(|text| texts.push(text).unwrap());
    texts
}

/// [`model`] with names and metadata.
fn named() -> Vec<u8> {
    let names = Names::new(texts(&["flow", "\"p\" é\n"])).unwrap();
    let metadata = Metadata::new(&texts(&["unit", "", "asset", "P-101"])).unwrap();
    to_bytes_named(&model(), &(), Some(&names), &metadata).unwrap()
}

/// What keeps the bytes of a model with such names and metadata from being read.
fn named_fault(names: (&[&str], &[u64]), metadata: (&[&str], &[u64])) -> Option<StateFault> {
    let mut to = Writer::new();
    model().write(&mut to);
    for (field, (whole, lengths)) in [(NAMES, names), (METADATA, metadata)] {
        if let [whole] = whole {
            to.text(field.0, whole);
            to.counts(field.1, lengths);
        }
    }
    match from_bytes_named::<Model, ()>(&to.finish("Model", 2).unwrap()) {
        Ok(_) => None,
        Err(Error::State { reason, .. }) => Some(reason),
        Err(other) => panic!("{other:?}"),
    }
}

/// A file with that header, and zeros for its arrays.
fn headed(header: &str, arrays: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + arrays, 0);
    seal(&mut bytes).unwrap();
    bytes
}

/// The header of [`model`] with one piece of it changed.
fn altered(from: &str, to: &str) -> Vec<u8> {
    let bytes = model().to_bytes().unwrap();
    let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let header = std::str::from_utf8(&bytes[8..8 + length]).unwrap();
    assert_eq!(header.matches(from).count(), 1, "{header}");
    let header = header.replace(from, to);
    let mut changed = (header.len() as u64).to_le_bytes().to_vec();
    changed.extend(header.as_bytes());
    changed.extend(&bytes[8 + length..]);
    seal(&mut changed).unwrap();
    changed
}

#[test]
fn what_is_written_is_read() {
    let bytes = model().to_bytes().unwrap();
    assert_eq!(bytes, model().to_bytes().unwrap());
    let read = Model::from_bytes(&bytes).unwrap();
    assert_eq!(bytes, read.to_bytes().unwrap());
    assert_eq!(altered("Model 2", "Model 2"), bytes);
}

#[test]
fn names_and_metadata_are_read_where_there_are_any() {
    let bytes = named();
    let read: Saved<Model, ()> = from_bytes_named(&bytes).unwrap();
    assert!(read.names.as_ref().unwrap().iter().eq(["flow", "\"p\" é\n"]));
    assert!(read.metadata.iter().eq([("asset", "P-101"), ("unit", "")]));
    assert_eq!(to_bytes_named(&read.model, &(), read.names.as_ref(), &read.metadata).unwrap(), bytes);
    // Who asks for the model alone must not lose them.
    assert_eq!(fault(&bytes), StateFault::Surplus);
    let plain = model().to_bytes().unwrap();
    let read: Saved<Model, ()> = from_bytes_named(&plain).unwrap();
    assert_eq!((read.names, read.metadata.is_empty()), (None, true));
    assert_eq!(to_bytes_named(&model(), &(), None, &Metadata::default()).unwrap(), plain);
}

#[test]
fn no_wrong_names_and_no_wrong_metadata_are_taken() {
    let none: (&[&str], &[u64]) = (&[], &[]);
    assert_eq!(named_fault((&["ab"], &[1, 1]), (&["k"], &[1, 0])), None);
    let wrong = Some(StateFault::Wrong("names"));
    for lengths in [
        &[2][..],
        &[],
        &[0, 1, 1],
        &[1, 2],
        &[1, 0],
        &[u64::MAX, 3],
        &[u64::MAX, u64::MAX],
    ] {
        assert_eq!(named_fault((&["ab"], lengths), none), wrong, "{lengths:?}");
    }
    assert_eq!(named_fault((&["aa"], &[1, 1]), none), wrong);
    assert_eq!(named_fault((&["é"], &[1, 1]), none), wrong);
    let wrong = Some(StateFault::Wrong("metadata"));
    for (whole, lengths) in [
        ("a", &[1][..]),
        ("", &[]),
        ("ba", &[1, 0, 1, 0]),
        ("aa", &[1, 0, 1, 0]),
        ("ab", &[1, 0]),
    ] {
        assert_eq!(named_fault(none, (&[whole], lengths)), wrong, "{whole} {lengths:?}");
    }
}

#[test]
fn half_of_the_names_and_names_of_another_form_are_refused() {
    let with = |put: &dyn Fn(&mut Writer)| {
        let mut to = Writer::new();
        model().write(&mut to);
        put(&mut to);
        from_bytes_named::<Model, ()>(&to.finish("Model", 2).unwrap()).unwrap_err().to_string()
    };
    let text = "not a saved Model: `names.lengths` is missing";
    assert_eq!(with(&|to| to.text("names", "ab")), text);
    let text = "not a saved Model: `names` is missing";
    assert_eq!(with(&|to| to.counts("names.lengths", &[1, 1])), text);
    let text = "not a saved Model: `names` is not what it must be";
    assert_eq!(
        with(&|to| {
            to.count("names", 5);
            to.counts("names.lengths", &[1, 1]);
        }),
        text
    );
    let text = "not a saved Model: `names.lengths` is not what it must be";
    assert_eq!(
        with(&|to| {
            to.text("names", "ab");
            to.reals("names.lengths", &[1.0, 1.0]);
        }),
        text
    );
    // A model of any number of columns has no names.
    let names = Names::new(Texts::default()).unwrap();
    let bytes = to_bytes_named(&Other, &(), Some(&names), &Metadata::default()).unwrap();
    let error = from_bytes_named::<Other, ()>(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "not a saved Other: `names` is not what it must be");
}

#[test]
fn the_first_version_has_no_names() {
    let mut to = Writer::new();
    model().write(&mut to);
    to.texts(NAMES, &texts(&["a", "b"]));
    let bytes = to.finish("Model", 1).unwrap();
    // Without its checksum it is a file of the first version.
    let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let header = std::str::from_utf8(&bytes[8..8 + length]).unwrap();
    let seal = header.find(",\"~crc64\"").unwrap();
    let header = format!("{}}}", &header[..seal]);
    let mut first = (header.len() as u64).to_le_bytes().to_vec();
    first.extend(header.as_bytes());
    first.extend(&bytes[8 + length..bytes.len() - SEAL]);
    assert_eq!(fault(&first), StateFault::Surplus);
    assert!(matches!(
        from_bytes_named::<Model, ()>(&first),
        Err(Error::State {
            reason: StateFault::Surplus,
            ..
        })
    ));
}

fn nothing_damaged_is_taken(bytes: &[u8], read: fn(&[u8]) -> Result<()>) {
    read(bytes).unwrap();
    for length in 0..bytes.len() {
        let error = read(&bytes[..length]).unwrap_err();
        assert!(error.to_string().starts_with("not a saved Model: "), "{error}");
    }
    for more in 1..20 {
        for tail in [0, b' ', 0xff] {
            let mut longer = bytes.to_vec();
            longer.resize(bytes.len() + more, tail);
            assert!(read(&longer).is_err());
        }
    }
    for place in 0..8 * bytes.len() {
        let mut wrong = bytes.to_vec();
        wrong[place / 8] ^= 1 << (place % 8);
        assert!(read(&wrong).is_err(), "bit {place}");
    }
}

#[test]
fn no_cut_no_tail_and_no_flipped_bit_is_taken() {
    nothing_damaged_is_taken(&model().to_bytes().unwrap(), |bytes| Model::from_bytes(bytes).map(|_| ()));
    nothing_damaged_is_taken(&named(), |bytes| from_bytes_named::<Model, ()>(bytes).map(|_| ()));
}

#[test]
fn no_burst_of_damage_is_taken() {
    let bytes = model().to_bytes().unwrap();
    // Any pattern of up to 64 bits; the last ones reach into the checksum.
    for start in 0..bytes.len() - 8 {
        for pattern in [u64::MAX, 0x8000_0000_0000_0001, 0x0123_4567_89ab_cdef, 3 << 31] {
            let mut wrong = bytes.clone();
            let piece = &mut wrong[start..start + 8];
            piece.iter_mut().zip(pattern.to_le_bytes()).for_each(|(byte, change)| *byte ^= change);
            assert!(Model::from_bytes(&wrong).is_err(), "{start}");
        }
    }
}

#[test]
fn the_checksum_is_that_of_the_xz_format() {
    // The catalogue's check value, and the same over pieces.
    assert_eq!(checksum(b"123456789").unwrap(), 0x995d_c9bb_df19_39fa);
    let long: Vec<u8> = (0..3 * LOOK + 5).map(|at| (at % 251) as u8).collect();
    assert_eq!(checksum(&long).unwrap(), CRC.checksum(&long));
    let bytes = model().to_bytes().unwrap();
    let (body, sum) = bytes.split_at(bytes.len() - 8);
    assert_eq!(sum, checksum(body).unwrap().to_le_bytes());
}

#[test]
fn other_kinds_and_other_versions_are_refused() {
    assert_eq!(fault(&Other.to_bytes().unwrap()), StateFault::OtherKind);
    let newer = Writer::new().finish("Model", 3).unwrap();
    assert_eq!(fault(&newer), StateFault::Newer(3));
    let empty = Writer::new().finish("Model", 2).unwrap();
    assert_eq!(fault(&empty), StateFault::Missing("parents"));
    let foreign = serialize(Vec::<(String, TensorView<'_>)>::new(), None).unwrap();
    assert_eq!(fault(&foreign), StateFault::Foreign);
    assert_eq!(fault(b"PK\x03\x04"), StateFault::Damaged);
    for version in ["0", "02", "+2", "-1", "2.0", "", "18446744073709551616"] {
        assert_eq!(fault(&altered("Model 2", &format!("Model {version}"))), StateFault::Foreign, "{version}");
    }
}

#[test]
fn no_changed_header_gets_rid_of_the_checksum() {
    assert_eq!(fault(&altered("Model 2", "Model 1")), StateFault::Altered);
    assert_eq!(fault(&altered("~crc64", "~crc65")), StateFault::Altered);
    assert_eq!(fault(&altered("\"U8\",\"shape\":[8]", "\"I8\",\"shape\":[8]")), StateFault::Altered);
    // Of the first version with a checksum under another name.
    let mut both = altered("Model 2", "Model 1");
    let place = both.windows(6).position(|name| name == b"~crc64").unwrap();
    both[place] = b'!';
    assert_eq!(fault(&both), StateFault::Surplus);
}

#[test]
fn what_no_version_knows_is_refused() {
    let mut to = Writer::new();
    model().write(&mut to);
    to.real("more", 1.0);
    assert_eq!(fault(&to.finish("Model", 2).unwrap()), StateFault::Surplus);
    assert_eq!(fault(&altered("\"acm_rs\"", "\"note\":\"\",\"acm_rs\"")), StateFault::Foreign);
}

#[test]
fn hostile_headers_are_refused() {
    let metadata = "\"__metadata__\":{\"acm_rs\":\"Model 2\"}";
    let seal = "\"~crc64\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}";
    for (header, reason) in [
        (String::new(), StateFault::Damaged),
        ("[".repeat(60_000), StateFault::Damaged),
        ("{\"a\":".repeat(12_000), StateFault::Damaged),
        (format!("{{{metadata},{metadata},{seal}}}"), StateFault::Damaged),
        (format!("{{{metadata},{seal},{seal}}}"), StateFault::Damaged),
        (format!("{{{metadata},{seal}}}{{}}"), StateFault::Damaged),
        ("{\"__metadata__\":{\"acm_rs\":\"Model 2\",\"acm_rs\":\"Model 2\"}}".to_owned(), StateFault::Damaged),
        (
            format!(
                "{{{metadata},\"x\":{{\"dtype\":\"F64\",\"shape\":[{0},{0}],\"data_offsets\":[0,8]}}}}",
                1_u64 << 33
            ),
            StateFault::Damaged,
        ),
        (
            format!("{{{metadata},\"x\":{{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[{},8]}}}}", u64::MAX),
            StateFault::Damaged,
        ),
        (" ".repeat(START), StateFault::Foreign),
    ] {
        assert_eq!(fault(&headed(&header, 8)), reason, "{}", &header[..header.len().min(200)]);
    }
    for length in [0, 1 << 16, 1 << 63, u64::MAX] {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.resize(200, b'{');
        assert_eq!(fault(&bytes), StateFault::Damaged, "{length}");
    }
    // Only the start was read, and the file is said to be of any size.
    for size in [0, 8, 1 << 31, u64::MAX] {
        assert!(check_start::<Model>(&[0; START], size).is_err());
    }
}

#[test]
fn a_failed_field_fails_the_whole() {
    let mut to = Writer::new();
    to.real("level", 1.0);
    to.fail(Error::Interrupted);
    to.reals("loads", &[1.0]);
    assert_eq!(to.finish("Model", 2), Err(Error::Interrupted));
}

#[test]
fn a_field_is_not_blamed_for_memory_nor_for_an_interrupt() {
    let bytes = model().to_bytes().unwrap();
    let from = Reader::open(&bytes, Model::KIND, Model::VERSION).unwrap();
    let memory = || Error::Memory {
        what: "scratch",
        rows: 1,
        columns: 1,
    };
    for error in [memory, || Error::Interrupted, || Error::InUse] {
        assert_eq!(from.blamed("loads", error()), error());
    }
    let other = Error::Length {
        name: "x",
        expected: 1,
        got: 2,
    };
    assert_eq!(from.blamed("loads", other), from.wrong("loads"));
}
