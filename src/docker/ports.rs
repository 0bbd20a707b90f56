//! Finds the port in an engine's message about a port that is in use. Every release words it differently.

/// Words after which the address stands.
const BEFORE: [&str; 9] = [
    "failed to bind host port for ",
    "failed to bind host port ",
    "Bind for ",
    "exposing port TCP ",
    "exposing port UDP ",
    "listen tcp4 ",
    "listen tcp6 ",
    "listen tcp ",
    "listen udp ",
];

/// The host port that a message says is taken; `None` when the message is about something else.
pub(super) fn taken_port(message: &str) -> Option<u16> {
    if !message.contains("port is already allocated") && !message.contains("address already in use") {
        return None;
    }
    BEFORE.iter().find_map(|words| {
        let (_, rest) = message.split_once(words)?;
        host_port(rest.split_whitespace().next()?)
    })
}

/// The first port in `127.0.0.1:5433`, `[::]:5433`, `:5433/tcp:` or `0.0.0.0:5433:172.17.0.2:80/tcp`.
fn host_port(address: &str) -> Option<u16> {
    let after_host = match address.strip_prefix('[') {
        Some(v6) => v6.split_once("]:")?.1,
        None => address.split_once(':')?.1,
    };
    let digits: &str = after_host.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::taken_port;

    #[test]
    fn the_wordings_of_engines_from_20_10_on() {
        let messages = [
            "driver failed programming external connectivity on endpoint x (ab12): Bind for 0.0.0.0:5433 failed: port is already allocated",
            "driver failed programming external connectivity on endpoint x (ab12): Error starting userland proxy: listen tcp4 127.0.0.1:5433: bind: address already in use",
            "Error starting userland proxy: listen tcp6 [::]:5433: bind: address already in use",
            "Ports are not available: exposing port TCP 127.0.0.1:5433 -> 0.0.0.0:0: listen tcp 127.0.0.1:5433: bind: address already in use",
            "failed to set up container networking: driver failed programming external connectivity on endpoint x (ab12): failed to bind host port for 127.0.0.1:5433:172.18.0.2:5432/tcp: address already in use",
            "failed to set up container networking: driver failed programming external connectivity on endpoint x (ab12): failed to bind host port 127.0.0.1:5433/tcp: address already in use",
            "rootlessport listen tcp 127.0.0.1:5433: bind: address already in use",
            "cannot listen on the TCP port: listen tcp4 :5433: bind: address already in use",
        ];
        for message in messages {
            assert_eq!(taken_port(message), Some(5433), "{message}");
        }
    }

    #[test]
    fn other_messages_have_none() {
        assert_eq!(taken_port("Bind for 0.0.0.0:80 failed: permission denied"), None);
        assert_eq!(taken_port("address already in use"), None);
    }
}
