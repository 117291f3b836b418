//! Which servers were asked over https, and how.

use super::narrative::listed;
use crate::race::probe;
use crate::race::record::{Generator, Record, Target};
use crate::terminal::clean;

fn is_secure(target: &Target) -> bool {
    target.https == Some(true)
}

/// Behind the title, if all servers were asked over https.
pub(super) fn suffix(record: &Record) -> &'static str {
    let mut targets = record.targets.iter();
    if record.targets.is_empty() || !targets.all(is_secure) {
        ""
    } else {
        ", over https"
    }
}

/// Where some were and some were not.
pub(super) fn mixture(record: &Record) -> Option<String> {
    let (secure, plain): (Vec<&Target>, Vec<&Target>) =
        record.targets.iter().partition(|of| is_secure(of));
    let names = |of: Vec<&Target>| of.into_iter().map(|of| clean(&of.name)).collect();
    let secure = listed("Over https", names(secure))?;
    let plain = listed("over plain HTTP", names(plain))?;
    let secure = secure.trim_end_matches('.');
    Some(format!(
        "{secure}; {plain} A ratio between the two includes what TLS costs."
    ))
}

/// Versions and cipher suites, certificates and handshakes.
pub(super) fn setting(record: &Record) -> Option<String> {
    let tls = record.settings.tls.as_ref()?;
    let mut agreed: Vec<(&str, Vec<String>)> = Vec::new();
    for target in record.targets.iter().filter(|of| is_secure(of)) {
        let protocol = target.tls.as_deref().unwrap_or("not known");
        let name = clean(&target.name);
        match agreed.iter_mut().find(|(known, _)| *known == protocol) {
            Some((_, names)) => names.push(name),
            None => agreed.push((protocol, vec![name])),
        }
    }
    let agreed = agreed.iter();
    let agreed = agreed.map(|(of, names)| format!("{}: {}", names.join(", "), clean(of)));
    let mut parts: Vec<String> = agreed.collect();
    let generator = record.settings.generator;
    parts.push(
        match (tls.verified, generator) {
            (false, _) => "any certificate was accepted (-k)",
            (true, Generator::Hullo) => "certificates were verified",
            (true, _) => "certificates were verified by the probes, not by the generator",
        }
        .to_owned(),
    );
    if tls.client_certificate {
        parts.push("with a client certificate".to_owned());
    }
    parts.push(
        if tls.resumption {
            "sessions were resumed where the server let them be"
        } else {
            "a full handshake on each connection"
        }
        .to_owned(),
    );
    Some(parts.join("; "))
}

/// What was not asked, and why.
pub(super) fn not_asked(record: &Record) -> Option<String> {
    let mut targets = record.targets.iter();
    targets.any(is_secure).then(probe::plain_only)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{record, servers};
    use super::*;
    use crate::bench::TlsSettings;
    use crate::race::record::Suite;

    /// A race of these servers: over https with these protocols, or without.
    fn race(protocols: &[Option<&str>]) -> Record {
        let mut record = record(&servers(protocols.len()), &[Suite::Churn], 3);
        for (target, protocol) in record.targets.iter_mut().zip(protocols) {
            target.https = protocol.map(|_| true);
            target.tls = protocol.map(str::to_owned);
        }
        record.settings.tls = Some(TlsSettings {
            verified: true,
            resumption: false,
            client_certificate: false,
        });
        record
    }

    #[test]
    fn the_protocols_of_the_servers_are_told() {
        let all = race(&[Some("TLSv1.3 A"), Some("TLSv1.2 B"), Some("TLSv1.3 A")]);
        assert_eq!((suffix(&all), mixture(&all)), (", over https", None));
        let names: Vec<&str> = all.targets.iter().map(|of| of.name.as_str()).collect();
        let [a, b, c] = names[..] else {
            panic!("{names:?}");
        };
        assert_eq!(
            setting(&all).unwrap(),
            format!(
                "{a}, {c}: TLSv1.3 A; {b}: TLSv1.2 B; certificates were verified; a full handshake on each connection"
            )
        );
        assert!(not_asked(&all).is_some());
        let mixed = race(&[None, Some("TLSv1.3 A")]);
        assert_eq!(suffix(&mixed), "");
        assert_eq!(
            mixture(&mixed).unwrap(),
            format!(
                "Over https: {b}; over plain HTTP: {a}. A ratio between the two includes what TLS costs."
            )
        );
        let plain = race(&[None, None]);
        assert_eq!(
            (suffix(&plain), mixture(&plain), not_asked(&plain)),
            ("", None, None)
        );
    }

    #[test]
    fn how_certificates_and_sessions_were_treated_is_told() {
        let mut record = race(&[Some("TLSv1.3 A")]);
        let mut told = |change: fn(&mut Record), words: &str| {
            change(&mut record);
            let told = setting(&record).unwrap();
            assert!(told.contains(words), "{told}");
        };
        told(
            |record| record.settings.generator = Generator::Wrk,
            "not by the generator",
        );
        told(
            |record| {
                record.settings.tls = Some(TlsSettings {
                    verified: false,
                    resumption: true,
                    client_certificate: true,
                });
            },
            "any certificate was accepted (-k); with a client certificate; sessions were resumed",
        );
        told(|record| record.targets[0].tls = None, ": not known;");
    }
}
