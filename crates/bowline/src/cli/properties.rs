//! `-D COMMAND IDENTIFIER [NAME] VALUE`: MQTT 5.0 properties on the command line.
//!
//! Promises: the words are mosquitto_pub's; a property that its packet cannot have is an error.

use bowline_client::{ClientOptions, MessageProperties, UserPropertyList};

/// What all `-D` options together say.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Properties {
    connect: Vec<(String, String)>,
    pub(super) connect_user: UserPropertyList,
    pub(super) publish: MessageProperties,
    pub(super) will: MessageProperties,
    pub(super) will_delay_secs: u32,
    pub(super) subscription_identifier: Option<u32>,
    pub(super) subscribe_user: UserPropertyList,
    pub(super) unsubscribe_user: UserPropertyList,
    pub(super) disconnect_expiry_secs: Option<u32>,
}

impl Properties {
    /// Reads the words of all `-D` options, one after another.
    pub(super) fn parse(words: &[String]) -> Result<Self, String> {
        let mut properties = Self::default();
        let mut rest = words.iter().map(String::as_str);
        while let Some(command) = rest.next() {
            let mut next = || {
                rest.next().ok_or_else(|| {
                    format!(
                        "`-D {command} …` is not finished\n\
                         hint: write -D COMMAND IDENTIFIER VALUE, or \
                         -D COMMAND user-property NAME VALUE"
                    )
                })
            };
            let identifier = next()?;
            if identifier == "user-property" {
                let pair = (next()?.to_owned(), next()?.to_owned());
                properties.user_list(command)?.push(pair);
            } else {
                properties.set(command, identifier, next()?)?;
            }
        }
        Ok(properties)
    }

    /// Puts the CONNECT properties in force.
    pub(super) fn apply(&self, session: &mut ClientOptions) -> Result<(), String> {
        for (identifier, value) in &self.connect {
            match identifier.as_str() {
                "receive-maximum" => session.receive_maximum = Some(number(identifier, value)?),
                "maximum-packet-size" => {
                    session.maximum_packet_size = Some(number(identifier, value)?);
                }
                "topic-alias-maximum" => session.topic_alias_maximum = number(identifier, value)?,
                "session-expiry-interval" => {
                    session.session_expiry_secs = Some(number(identifier, value)?);
                }
                "request-problem-information" => {
                    session.request_problem_information = switch(identifier, value)?;
                }
                "request-response-information" => {
                    session.request_response_information = switch(identifier, value)?;
                }
                "authentication-method" => session.authentication_method = Some(value.clone()),
                "authentication-data" => {
                    session.authentication_data = Some(value.clone().into_bytes());
                }
                other => return Err(not_there("connect", other)),
            }
        }
        session
            .user_properties
            .extend(self.connect_user.iter().cloned());
        Ok(())
    }

    /// Whether the user chose the Receive Maximum.
    pub(super) fn sets_receive_maximum(&self) -> bool {
        self.connect
            .iter()
            .any(|(identifier, _)| identifier == "receive-maximum")
    }

    fn user_list(&mut self, command: &str) -> Result<&mut UserPropertyList, String> {
        match command.to_ascii_lowercase().as_str() {
            "connect" => Ok(&mut self.connect_user),
            "publish" => Ok(&mut self.publish.user_properties),
            "will" => Ok(&mut self.will.user_properties),
            "subscribe" => Ok(&mut self.subscribe_user),
            "unsubscribe" => Ok(&mut self.unsubscribe_user),
            "disconnect" => Err("bowline sends no user properties with disconnect".to_owned()),
            other => Err(unknown_command(other)),
        }
    }

    fn set(&mut self, command: &str, identifier: &str, value: &str) -> Result<(), String> {
        match command.to_ascii_lowercase().as_str() {
            "connect" => {
                self.connect.push((identifier.to_owned(), value.to_owned()));
                self.apply(&mut ClientOptions::new("")) // Says now if it is wrong.
            }
            "publish" => set_message_property(&mut self.publish, "publish", identifier, value),
            "will" if identifier == "will-delay-interval" => {
                self.will_delay_secs = number(identifier, value)?;
                Ok(())
            }
            "will" => set_message_property(&mut self.will, "will", identifier, value),
            "subscribe" if identifier == "subscription-identifier" => {
                let id: u32 = number(identifier, value)?;
                if id == 0 || id > 268_435_455 {
                    return Err(format!("`{identifier}` must be from 1 to 268435455"));
                }
                self.subscription_identifier = Some(id);
                Ok(())
            }
            "disconnect" if identifier == "session-expiry-interval" => {
                self.disconnect_expiry_secs = Some(number(identifier, value)?);
                Ok(())
            }
            command @ ("subscribe" | "unsubscribe" | "disconnect") => {
                Err(not_there(command, identifier))
            }
            other => Err(unknown_command(other)),
        }
    }
}

fn set_message_property(
    properties: &mut MessageProperties,
    command: &str,
    identifier: &str,
    value: &str,
) -> Result<(), String> {
    match identifier {
        "content-type" => properties.content_type = Some(value.to_owned()),
        "correlation-data" => properties.correlation_data = Some(value.as_bytes().to_vec()),
        "message-expiry-interval" => {
            properties.message_expiry_secs = Some(number(identifier, value)?);
        }
        "payload-format-indicator" => {
            properties.payload_format_is_utf8 = Some(switch(identifier, value)?);
        }
        "response-topic" => properties.response_topic = Some(value.to_owned()),
        "topic-alias" => return Err("bowline sends no topic aliases".to_owned()),
        other => return Err(not_there(command, other)),
    }
    Ok(())
}

fn number<T: std::str::FromStr>(identifier: &str, value: &str) -> Result<T, String> {
    value
        .parse()
        .map_err(|_| format!("`{value}` is no value for `{identifier}`"))
}

fn switch(identifier: &str, value: &str) -> Result<bool, String> {
    match value {
        "0" => Ok(false),
        "1" => Ok(true),
        other => Err(format!("`{identifier}` must be 0 or 1, not `{other}`")),
    }
}

fn not_there(command: &str, identifier: &str) -> String {
    format!("`{command}` has no property `{identifier}`")
}

fn unknown_command(command: &str) -> String {
    format!(
        "unknown command `{command}` for -D\n\
         hint: one of connect, publish, will, subscribe, unsubscribe, disconnect"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<Properties, String> {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        Properties::parse(&words)
    }

    #[test]
    fn several_options_in_a_row() {
        let properties = parse(
            "publish content-type text/plain publish user-property k v \
             CONNECT receive-maximum 7 will will-delay-interval 9 \
             subscribe subscription-identifier 5",
        )
        .expect("all of them are right");
        assert_eq!(
            properties.publish.content_type.as_deref(),
            Some("text/plain")
        );
        assert_eq!(
            properties.publish.user_properties,
            [("k".into(), "v".into())]
        );
        assert_eq!(properties.will_delay_secs, 9);
        assert_eq!(properties.subscription_identifier, Some(5));
        let mut session = ClientOptions::new("");
        properties.apply(&mut session).expect("it was checked");
        assert_eq!(session.receive_maximum.map(u16::from), Some(7));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for words in [
            "publish content-type",
            "publish user-property name",
            "publish no-such-thing 1",
            "publish topic-alias 1",
            "connect receive-maximum 0",
            "connect receive-maximum x",
            "publish payload-format-indicator 2",
            "subscribe subscription-identifier 0",
            "puback content-type x",
        ] {
            assert!(parse(words).is_err(), "{words}");
        }
    }
}
