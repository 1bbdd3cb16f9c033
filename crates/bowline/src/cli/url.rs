//! `-L mqtt://[user[:password]@]host[:port][/topic]`.
//!
//! Promises: user, password and topic are percent-decoded; an IPv6 address stands in brackets.
//! Deliberately absent: `mqtts`, `ws` and `wss`, which are refused by name until they exist.

/// The parts of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) topic: Option<String>,
}

impl Url {
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| {
            format!("`{url}` is no URL\nhint: write mqtt://[user[:password]@]host[:port]/topic")
        })?;
        match scheme {
            "mqtt" => {}
            "mqtts" | "ws" | "wss" => {
                return Err(format!(
                    "`{scheme}://` is not supported yet\nhint: use mqtt://"
                ));
            }
            other => return Err(format!("unknown scheme `{other}://`\nhint: use mqtt://")),
        }
        let (authority, topic) = match rest.split_once('/') {
            Some((authority, topic)) => (authority, Some(topic).filter(|topic| !topic.is_empty())),
            None => (rest, None),
        };
        let (credentials, address) = match authority.rsplit_once('@') {
            Some((credentials, address)) => (Some(credentials), address),
            None => (None, authority),
        };
        let (username, password) = match credentials.map(|both| both.split_once(':')) {
            None => (None, None),
            Some(None) => (credentials, None),
            Some(Some((username, password))) => (Some(username), Some(password)),
        };
        let (host, port) = split_address(address)?;
        Ok(Self {
            username: username.map(percent_decoded).transpose()?,
            password: password.map(percent_decoded).transpose()?,
            host: percent_decoded(host)?,
            port,
            topic: topic.map(percent_decoded).transpose()?,
        })
    }
}

fn split_address(address: &str) -> Result<(&str, Option<u16>), String> {
    let (host, port) = if let Some(bracketed) = address.strip_prefix('[') {
        let (host, rest) = bracketed
            .split_once(']')
            .ok_or_else(|| format!("`{address}`: missing `]`"))?;
        (host, rest.strip_prefix(':'))
    } else {
        match address.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        }
    };
    if host.is_empty() {
        return Err("the URL names no host".to_owned());
    }
    let port = port
        .map(|port| {
            port.parse()
                .map_err(|_| format!("`{port}` is no port number"))
        })
        .transpose()?;
    Ok((host, port))
}

fn percent_decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let decoded = digit(rest.next())
            .zip(digit(rest.next()))
            .and_then(|(high, low)| u8::try_from(high * 16 + low).ok())
            .ok_or_else(|| format!("`{text}`: `%` must be followed by two hexadecimal digits"))?;
        bytes.push(decoded);
    }
    String::from_utf8(bytes).map_err(|_| format!("`{text}` is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_url() {
        type Parts = (
            Option<&'static str>,
            Option<&'static str>,
            &'static str,
            Option<u16>,
        );
        let table: [(&str, Parts, Option<&str>); 6] = [
            ("mqtt://host/a/b", (None, None, "host", None), Some("a/b")),
            ("mqtt://host:1884", (None, None, "host", Some(1884)), None),
            ("mqtt://host/", (None, None, "host", None), None),
            ("mqtt://[::1]:1/x", (None, None, "::1", Some(1)), Some("x")),
            (
                "mqtt://me@host/x",
                (Some("me"), None, "host", None),
                Some("x"),
            ),
            (
                "mqtt://a%40b:c%2Fd@host/%23",
                (Some("a@b"), Some("c/d"), "host", None),
                Some("#"),
            ),
        ];
        for (url, (username, password, host, port), topic) in table {
            let expected = Url {
                username: username.map(Into::into),
                password: password.map(Into::into),
                host: host.into(),
                port,
                topic: topic.map(Into::into),
            };
            assert_eq!(Url::parse(url), Ok(expected), "{url}");
        }
    }

    #[test]
    fn what_is_no_url() {
        for url in [
            "host/x",
            "http://host/x",
            "mqtts://host/x",
            "mqtt:///x",
            "mqtt://h:x/y",
            "mqtt://[::1/x",
            "mqtt://h/%4",
            "mqtt://h/%zz",
        ] {
            assert!(Url::parse(url).is_err(), "{url}");
        }
    }
}
