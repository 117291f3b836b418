//! Which servers speak TLS, and how the race connects to them.

use std::net::IpAddr;

use clap::Args;

use super::record::Generator;
use super::server_spec::{ServerSpec, Source};
use crate::bench::{TlsFlags, TlsSettings, host_and_port};

/// The flags of https.
#[derive(Args, Clone, Debug)]
pub(super) struct HttpsOptions {
    /// https: the servers that commands start speak TLS on {port}. All of them, or with --https=NAME,NAME these
    #[arg(long, value_name = "NAMES", num_args = 0..=1, require_equals = true, value_delimiter = ',')]
    https: Option<Vec<String>>,

    #[command(flatten)]
    tls: TlsFlags,
}

impl HttpsOptions {
    /// Gives each server that speaks TLS what connections to it need, and returns what was asked of TLS; none if no
    /// server speaks it. `address`: where commands listen. `host`: the name of the servers, if not the address.
    pub(super) fn secure(
        &self,
        servers: &mut [ServerSpec],
        address: IpAddr,
        host: Option<&str>,
        generator: Generator,
    ) -> Result<Option<TlsSettings>, String> {
        self.mark(servers)?;
        let settings = self.settings(generator);
        let mut secure = servers.iter_mut().filter(|server| server.is_https);
        let Some(first) = secure.next() else {
            let Some(flag) = self.tls.only_for_https() else {
                return Ok(None);
            };
            return Err(format!(
                "{flag} is for https, but no server speaks it: write https:// in a URL, or add --https if commands start servers with TLS"
            ));
        };
        for server in [first].into_iter().chain(secure) {
            let address = address.to_string();
            let own = match &server.source {
                Source::Running { url, .. } => &url.host,
                Source::Command(_) => &address,
            };
            let name = host.map(host_and_port).transpose()?;
            let name = name.map_or(own.as_str(), |(name, _)| name);
            server.tls = Some(self.tls.client(name, settings)?);
        }
        self.check(generator, host)?;
        Ok(Some(settings))
    }

    /// A full handshake on each connection is the same work for all, but wrk knows no other than to resume.
    fn settings(&self, generator: Generator) -> TlsSettings {
        self.tls.settings(generator == Generator::Wrk)
    }

    /// Whether a generator can do over TLS what was asked for.
    fn check(&self, generator: Generator, host: Option<&str>) -> Result<(), String> {
        let cannot = match (generator, self.tls.resumption()) {
            (Generator::Hullo, _) => return Ok(()),
            _ if self.settings(generator).client_certificate => "has no client certificate: --cert",
            (Generator::Hey, Some(true)) => "resumes no sessions: --tls-resumption on",
            (Generator::Wrk, Some(false)) => "always resumes sessions: --tls-resumption off",
            (Generator::Wrk, _) if host.is_some() => {
                "names the server only as the URL does (SNI): --host"
            }
            _ => return Ok(()),
        };
        Err(format!("{generator} {cannot} needs --generator hullo"))
    }

    /// Marks the commands that start servers with TLS.
    fn mark(&self, servers: &mut [ServerSpec]) -> Result<(), String> {
        let Some(names) = &self.https else {
            return Ok(());
        };
        let is_command = |server: &ServerSpec| matches!(server.source, Source::Command(_));
        for name in names {
            let found = servers.iter().find(|server| server.name == *name);
            let why = match found {
                Some(server) if is_command(server) => continue,
                Some(_) => "is a URL, which says itself whether it is https",
                None => "is not the name of a server",
            };
            return Err(format!("--https={}: {name:?} {why}", names.join(",")));
        }
        let mut has_command = false;
        for server in servers.iter_mut().filter(|server| is_command(server)) {
            has_command = true;
            server.is_https = names.is_empty() || names.contains(&server.name);
        }
        if has_command {
            Ok(())
        } else {
            Err("--https is for commands: in a URL, write https://".to_owned())
        }
    }

    /// For `hullo bench`.
    pub(super) fn arguments(&self, generator: Generator) -> Vec<String> {
        self.tls.arguments(self.settings(generator))
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches as _};

    use super::*;

    fn options(words: &str) -> HttpsOptions {
        let command = HttpsOptions::augment_args(Command::new("race").no_binary_name(true));
        let found = command.try_get_matches_from(words.split_whitespace());
        HttpsOptions::from_arg_matches(&found.unwrap()).unwrap()
    }

    fn servers(words: &[&str]) -> Vec<ServerSpec> {
        let parsed = words.iter().map(|word| ServerSpec::parse(word).unwrap());
        parsed.collect()
    }

    fn secured(words: &str, of: &[&str], generator: Generator) -> Result<Vec<bool>, String> {
        let mut servers = servers(of);
        let address = IpAddr::from([127, 0, 0, 1]);
        let settings = options(words).secure(&mut servers, address, None, generator)?;
        let secure: Vec<bool> = servers.iter().map(|server| server.tls.is_some()).collect();
        assert_eq!(settings.is_some(), secure.contains(&true));
        Ok(secure)
    }

    #[cfg(feature = "tls")]
    #[test]
    fn the_servers_that_speak_tls_are_chosen() {
        let all = [
            "a=x",
            "b=y",
            "c=http://127.0.0.1:1/",
            "d=https://127.0.0.1:1/",
        ];
        for (words, expected) in [
            ("-k", [false, false, false, true]),
            ("-k --https", [true, true, false, true]),
            ("-k --https=b", [false, true, false, true]),
            ("-k --https=a,b", [true, true, false, true]),
        ] {
            assert_eq!(
                secured(words, &all, Generator::Hullo).unwrap(),
                expected,
                "{words}"
            );
        }
        assert_eq!(secured("-k", &["a=x"], Generator::Wrk).unwrap(), [false]);
    }

    #[cfg(feature = "tls")]
    #[test]
    fn every_connection_makes_a_full_handshake_unless_asked_for_other() {
        for (words, generator, arguments) in [
            ("", Generator::Hullo, &["--tls-resumption=off"][..]),
            (
                "-k --tls-resumption on",
                Generator::Hullo,
                &["--tls-resumption=on", "--insecure"],
            ),
            ("", Generator::Hey, &["--tls-resumption=off"]),
            // Also in its warm-up, by hullo bench.
            ("", Generator::Wrk, &["--tls-resumption=on"]),
        ] {
            assert_eq!(options(words).arguments(generator), arguments, "{words}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let url = "u=http://127.0.0.1:1/";
        for (words, of, generator, error) in [
            (
                "--https=b",
                &["a=x"][..],
                Generator::Hullo,
                "not the name of a server",
            ),
            ("--https=u", &["a=x", url], Generator::Hullo, "is a URL"),
            ("--https", &[url], Generator::Hullo, "write https://"),
            ("--cacert f", &["a=x"], Generator::Hullo, "add --https"),
            (
                "--tls-resumption on",
                &["a=x"],
                Generator::Hullo,
                "add --https",
            ),
            #[cfg(feature = "tls")]
            (
                "-k --https --tls-resumption on",
                &["a=x"],
                Generator::Hey,
                "--generator hullo",
            ),
            #[cfg(feature = "tls")]
            (
                "-k --https --tls-resumption off",
                &["a=x"],
                Generator::Wrk,
                "--generator hullo",
            ),
            #[cfg(feature = "tls")]
            (
                "--https --cacert /no/file",
                &["a=x"],
                Generator::Hullo,
                "cannot read /no/file",
            ),
            #[cfg(not(feature = "tls"))]
            ("--https", &["a=x"], Generator::Hullo, "built without TLS"),
        ] {
            let said = secured(words, of, generator).unwrap_err();
            assert!(said.contains(error), "{words}: {said}");
        }
    }
}
