//! Settings of topics: Kafka's `DescribeConfigs` and `IncrementalAlterConfigs`, which the client library does not have. One request
//! on a connection of its own, the former in version 1 (Kafka 2.0 up to 4.x understand it), the latter in version 0 (2.3 up to 4.x).

use std::collections::BTreeMap;
use std::time::Duration;

use super::ClientError;
use super::kafka_wire::{Wire, WireError, text};

const SERVER: &str = "Kafka";
/// API key and version.
const DESCRIBE_CONFIGS: (i16, i16) = (32, 1);
const ALTER_CONFIGS: (i16, i16) = (44, 0);
/// Operation on a setting: give it this value.
const SET: u8 = 0;
/// Kind of resource: a topic.
const TOPIC: u8 = 2;
/// An answer larger than this is none: a topic has some forty settings.
const LARGEST: usize = 64 << 20;

/// By topic: its settings, the broker's defaults included.
pub type TopicSettings = BTreeMap<String, BTreeMap<String, String>>;

/// Asks the broker at `host:port`.
pub async fn read(address: &str, topics: &[String], patience: Duration) -> Result<TopicSettings, ClientError> {
    if topics.is_empty() {
        return Ok(TopicSettings::new());
    }
    let unreachable = |reason: String| ClientError::Unreachable { server: SERVER, address: address.to_owned(), reason };
    let asked = tokio::time::timeout(patience, ask(address, topics)).await;
    let answer = asked.map_err(|_| unreachable("timed out".to_owned()))?;
    let answer = answer.map_err(|error| unreachable(error.to_string()))?;
    let malformed =
        |what: &str| ClientError::Malformed { server: SERVER, reason: format!("settings of topics: {what}") };
    let mut reader = Reader(&answer);
    settings(&mut reader).ok_or_else(|| malformed("the answer ends too early"))?.map_err(|(topic, code)| {
        let message = format!("settings of topic {topic} cannot be read");
        ClientError::Refused { server: SERVER, code: format!("error {code}"), message }
    })
}

/// Gives one setting of these topics a value; the others stay.
pub async fn write(
    address: &str,
    topics: &[String],
    setting: (&str, &str),
    patience: Duration,
) -> Result<(), ClientError> {
    let unreachable = |reason: String| ClientError::Unreachable { server: SERVER, address: address.to_owned(), reason };
    let exchange = async { Wire::connect(address, LARGEST).await?.ask(ALTER_CONFIGS, &changes(topics, setting)).await };
    let answered = tokio::time::timeout(patience, exchange).await;
    let answer = answered.map_err(|_| unreachable("timed out".to_owned()))?;
    let answer = answer.map_err(|error| unreachable(error.to_string()))?;
    let refused = refusals(&mut Reader(&answer)).ok_or_else(|| ClientError::Malformed {
        server: SERVER,
        reason: "changed settings of topics: the answer ends too early".to_owned(),
    })?;
    refused.map_or(Ok(()), |(topic, code, reason)| {
        let message = format!("{} of topic {topic} cannot be set: {reason}", setting.0);
        Err(ClientError::Refused { server: SERVER, code: format!("error {code}"), message })
    })
}

/// The resources, each with the one setting; then that it is meant.
fn changes(topics: &[String], (name, value): (&str, &str)) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(i32::try_from(topics.len()).unwrap_or(i32::MAX).to_be_bytes());
    for topic in topics {
        bytes.push(TOPIC);
        text(&mut bytes, topic);
        bytes.extend(1_i32.to_be_bytes());
        text(&mut bytes, name);
        bytes.push(SET);
        text(&mut bytes, value);
    }
    bytes.push(0);
    bytes
}

/// The first topic that was refused, with code and reason; the outer nothing is an answer that ends too early.
#[expect(clippy::option_option, reason = "the two mean different things")]
fn refusals(reader: &mut Reader<'_>) -> Option<Option<(String, i16, String)>> {
    let _throttled = reader.int()?;
    for _ in 0..reader.int()? {
        let code = reader.short()?;
        let reason = reader.text()?.unwrap_or_default();
        reader.take(1)?;
        let topic = reader.text()?.unwrap_or_default();
        if code != 0 {
            return Some(Some((topic, code, reason)));
        }
    }
    Some(None)
}

async fn ask(address: &str, topics: &[String]) -> Result<Vec<u8>, WireError> {
    Wire::connect(address, LARGEST).await?.ask(DESCRIBE_CONFIGS, &body(topics)).await
}

/// The resources: all settings of each topic, without synonyms.
fn body(topics: &[String]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(i32::try_from(topics.len()).unwrap_or(i32::MAX).to_be_bytes());
    for topic in topics {
        bytes.push(TOPIC);
        text(&mut bytes, topic);
        // A null list of names asks for all.
        bytes.extend((-1_i32).to_be_bytes());
    }
    bytes.push(0);
    bytes
}

/// Nothing when the answer ends too early; the inner error is a topic that the broker refused.
fn settings(reader: &mut Reader<'_>) -> Option<Result<TopicSettings, (String, i16)>> {
    let mut found = TopicSettings::new();
    let _throttled = reader.int()?;
    for _ in 0..reader.int()? {
        let code = reader.short()?;
        let _message = reader.text()?;
        reader.take(1)?;
        let topic = reader.text()?.unwrap_or_default();
        if code != 0 {
            return Some(Err((topic, code)));
        }
        let mut settings = BTreeMap::new();
        for _ in 0..reader.int()? {
            let name = reader.text()?.unwrap_or_default();
            let value = reader.text()?;
            // read-only, source, sensitive
            reader.take(3)?;
            for _ in 0..reader.int()? {
                reader.text()?;
                reader.text()?;
                reader.take(1)?;
            }
            settings.extend(value.map(|value| (name, value)));
        }
        found.insert(topic, settings);
    }
    Some(Ok(found))
}

/// Takes values off the front of an answer.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn short(&mut self) -> Option<i16> {
        Some(i16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn int(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// A text that may be null; the outer nothing is the end of the answer.
    #[expect(clippy::option_option, reason = "the two mean different things")]
    fn text(&mut self) -> Option<Option<String>> {
        let length = self.short()?;
        match usize::try_from(length) {
            Ok(length) => Some(Some(String::from_utf8_lossy(self.take(length)?).into_owned())),
            Err(_) => Some(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::kafka_wire;
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[test]
    fn a_request_byte_by_byte() {
        let expected = [
            0, 0, 0, 30, // length
            0, 32, 0, 1, // DescribeConfigs, version 1
            0, 0, 0, 1, // correlation id
            0, 7, b'p', b'i', b'p', b'e', b'c', b't', b'l', // client id
            0, 0, 0, 1, // one resource
            2, 0, 1, b't', // topic t
            255, 255, 255, 255, // all settings
            0,   // no synonyms
        ];
        assert_eq!(kafka_wire::request(DESCRIBE_CONFIGS, 1, &body(&["t".to_owned()])), expected);
    }

    fn answer(code: i16) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [1_i32, 0, 1] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(code.to_be_bytes());
        bytes.extend([255, 255, TOPIC]);
        text(&mut bytes, "t");
        bytes.extend(2_i32.to_be_bytes());
        text(&mut bytes, "retention.ms");
        text(&mut bytes, "604800000");
        bytes.extend([0, 5, 0]);
        bytes.extend(0_i32.to_be_bytes());
        text(&mut bytes, "unset");
        bytes.extend([255, 255, 0, 5, 0]);
        bytes.extend(0_i32.to_be_bytes());
        bytes
    }

    /// A broker that answers one request.
    async fn broker(answer: Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener").to_string();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let size = stream.read_i32().await.expect("a length");
            let mut request = vec![0; usize::try_from(size).expect("a length")];
            stream.read_exact(&mut request).await.expect("a request");
            let length = i32::try_from(answer.len()).expect("a small answer");
            stream.write_all(&[&length.to_be_bytes()[..], &answer].concat()).await.expect("the peer reads");
        });
        address
    }

    #[tokio::test]
    async fn settings_with_a_value_are_told() {
        let address = broker(answer(0)).await;
        let found = read(&address, &["t".to_owned()], Duration::from_secs(5)).await.expect("an answer");
        assert_eq!(found["t"], BTreeMap::from([("retention.ms".to_owned(), "604800000".to_owned())]));
    }

    #[tokio::test]
    async fn refusals_and_broken_answers_are_told() {
        let cut = answer(0)[..40].to_vec();
        let cases = [
            (answer(3), "Kafka answered error 3: settings of topic t cannot be read"),
            (cut, "Kafka sent an unexpected answer: settings of topics: the answer ends too early"),
        ];
        for (bytes, expected) in cases {
            let address = broker(bytes).await;
            let error = read(&address, &["t".to_owned()], Duration::from_secs(5)).await.expect_err("no settings");
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn a_change_byte_by_byte() {
        let mut expected = vec![0, 0, 0, 1, 2, 0, 1, b't', 0, 0, 0, 1, 0, 12];
        expected.extend(b"retention.ms");
        expected.extend([0, 0, 2, b'9', b'9', 0]);
        assert_eq!(changes(&["t".to_owned()], ("retention.ms", "99")), expected);
    }

    #[tokio::test]
    async fn a_change_that_is_refused_is_told_with_its_reason() {
        let answer = |code: u8| vec![0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, code, 0, 2, b'n', b'o', 2, 0, 1, b't'];
        for (bytes, expected) in [
            (answer(0), ""),
            (answer(40), "Kafka answered error 40: retention.ms of topic t cannot be set: no"),
            (
                answer(0)[..20].to_vec(),
                "Kafka sent an unexpected answer: changed settings of topics: the answer ends too early",
            ),
        ] {
            let topics = ["t".to_owned()];
            let written = write(&broker(bytes).await, &topics, ("retention.ms", "99"), Duration::from_secs(5)).await;
            assert_eq!(written.err().map(|error| error.to_string()).unwrap_or_default(), expected);
        }
    }
}
