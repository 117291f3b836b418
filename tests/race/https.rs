//! Servers that speak TLS: by a proxy of this process in front of a server without.

#[path = "../../src/race/probe/front.rs"]
mod front;

use front::{End, secure};
use hullo::server::ServerHandle;

use super::*;

/// A server, and the URLs of it and of a proxy in front of it.
fn both(end: End) -> (ServerHandle, String, String) {
    let server = start(hullo::Greeting);
    let plain = format!("plain=http://{}/any/path", server.local_addr());
    let address = secure(server.local_addr(), end);
    (server, plain, format!("secure=https://{address}/any/path"))
}

fn behaviour(target: &Value) -> Vec<(&str, bool)> {
    let findings = list(target, "behaviour").iter();
    let right = |of: &Value| of["right"] == true;
    findings.map(|of| (word(of, "id"), right(of))).collect()
}

#[test]
fn https_is_raced_and_told_from_http() {
    let (server, plain, https) = both(End::CloseNotify);
    let flags = ["-s", "churn,pipeline", "-r", "1", "-k"];
    let (ran, json) = measured(&[&flags[..], &[&https, &plain]].concat());
    assert_eq!(ran.code, 0, "{}", ran.complaint);
    let [one, other] = &list(&json, "targets")[..] else {
        panic!("{json}");
    };
    assert_eq!(
        (&one["https"], &other["https"]),
        (&Value::Bool(true), &Value::Null)
    );
    assert!(word(one, "url").starts_with("https://"), "{one}");
    assert!(word(one, "tls").starts_with("TLSv1.3 TLS_") && other["tls"].is_null());
    let settings = &json["settings"]["tls"];
    assert_eq!(
        (&settings["verified"], &settings["resumption"]),
        (&false.into(), &false.into())
    );
    let [secure, plain] = [one, other].map(behaviour);
    assert_eq!((secure.len(), plain.len()), (17, 17));
    let asks = |of: &[(&str, bool)], id: &str| of.iter().any(|(known, _)| *known == id);
    assert!(asks(&secure, "close_notify") && !asks(&secure, "half_closed"));
    assert!(asks(&plain, "half_closed") && !asks(&plain, "close_notify"));
    assert!(secure.iter().all(|(_, right)| *right), "{one}");
    for result in list(&json, "results") {
        assert!(result["errors"].as_object().unwrap().is_empty(), "{result}");
        let handshakes = &result["handshakes"];
        if word(result, "target") == "plain" {
            assert!(handshakes.is_null(), "{result}");
            continue;
        }
        assert!(number(&handshakes["full"]) > 0.0, "{result}");
        assert_eq!(handshakes["resumed"], 0, "{result}");
    }
    for words in [
        "Over https: secure; over plain HTTP: plain.",
        "any certificate was accepted (-k); a full handshake on each connection",
        "Not asked over TLS: half-closed.",
        "Full handshakes",
    ] {
        assert!(ran.text.contains(words), "{words}: {}", ran.text);
    }
    server.stop().unwrap();
}

#[test]
fn data_that_ends_without_close_notify_is_named() {
    let (server, _, https) = both(End::Nothing);
    let (ran, json) = measured(&["-s", "churn", "-r", "1", "-k", &https]);
    assert_eq!(ran.code, 0, "{}", ran.complaint);
    let found = behaviour(&list(&json, "targets")[0]);
    let wrong: Vec<_> = found.iter().filter(|(_, right)| !right).collect();
    assert_eq!(wrong, [&("close_notify", false)]);
    assert!(
        ran.text.contains("secure under load, over https"),
        "{}",
        ran.text
    );
    server.stop().unwrap();
}

#[test]
fn what_is_in_the_way_of_tls_says_what_to_type() {
    let (server, plain, https) = both(End::CloseNotify);
    let wrong = |url: &str, from: &str, to: &str| url.replace(from, to);
    let (as_http, as_https) = (
        wrong(&https, "https:", "http:"),
        wrong(&plain, "http:", "https:"),
    );
    let other = rcgen::generate_simple_self_signed(vec!["other".to_owned()]).unwrap();
    let authority = TemporaryFile::new();
    std::fs::write(&authority.0, other.cert.pem()).unwrap();
    for (arguments, words) in [
        (
            vec!["--cacert", authority.path(), &https],
            "accept any certificate with -k",
        ),
        (
            vec![&as_http],
            "it speaks TLS, but was asked in plain HTTP: write https://",
        ),
        (
            vec!["-k", &as_https],
            "it does not speak TLS: write http://",
        ),
    ] {
        let ran = ran(&[&SHORT[..], &["-s", "churn", "-r", "1"], &arguments].concat());
        assert_eq!(ran.code, 1, "{arguments:?}: {}", ran.complaint);
        assert!(
            ran.complaint.contains(words),
            "{arguments:?}: {}",
            ran.complaint
        );
    }
    server.stop().unwrap();
}
