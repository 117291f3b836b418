//! The examples of `src/serve/README.md`, with their output.

use std::net::Shutdown;

use crate::server::Server;

/// An example: what curl is asked for, and what it prints.
struct Example {
    content: Option<String>,
    target: String,
    output: String,
}

fn examples(page: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut is_inside = false;
    for line in page.lines() {
        if line.starts_with("```") {
            is_inside = line == "```console";
        } else if let (true, Some(command)) = (is_inside, line.strip_prefix("$ curl -si ")) {
            let (flags, url) = command.split_once('\'').unwrap();
            let target = url.strip_prefix("http://127.0.0.1:8080").unwrap();
            examples.push(Example {
                content: flags.strip_prefix("-d ").map(|text| text.trim().to_owned()),
                target: target.trim_end_matches('\'').to_owned(),
                output: String::new(),
            });
        } else if let (true, Some(example)) = (is_inside, examples.last_mut()) {
            example.output += line;
            example.output += "\n";
        }
    }
    examples
}

/// What is not the same in each run.
fn normal(server: &Server, text: &str) -> String {
    let hostname = server.get("/?hostname");
    let hostname = hostname.field("X-Hostname").unwrap();
    let text = text.replace(
        &format!("\"hostname\":\"{hostname}\""),
        "\"hostname\":\"host\"",
    );
    let text = text.replace(&format!("X-Hostname: {hostname}"), "X-Hostname: host");
    let text = text.replace(server.address(), "127.0.0.1:8080");
    let is_echo = text.contains("\"peer\":");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for line in &mut lines {
        // The length depends on the names and numbers that were replaced.
        for start in ["Date: ", "Content-Length: "] {
            if line.starts_with(start) && (start == "Date: " || is_echo) {
                start.clone_into(line);
            }
        }
        if let Some(at) = line.find("\"peer\":\"127.0.0.1:") {
            let end = at + line[at..].find("\",").unwrap();
            line.replace_range(at..end, "\"peer\":\"127.0.0.1:50000");
        }
    }
    lines.join("\n")
}

#[test]
fn the_examples_have_the_output_of_the_page() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/serve/README.md");
    let page = std::fs::read_to_string(path).unwrap();
    let server = Server::start(&[]);
    let examples = examples(&page);
    assert!(examples.len() > 5);
    for Example {
        content,
        target,
        output,
    } in examples
    {
        let method = content.as_ref().map_or("GET", |_| "POST");
        let address = server.address();
        let mut request = format!(
            "{method} {target} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n"
        );
        let content = content.unwrap_or_default();
        if !content.is_empty() {
            let length = content.len();
            let lines = [
                &format!("Content-Length: {length}\r\n"),
                "Content-Type: application/x-www-form-urlencoded\r\n",
            ];
            request += &lines.concat();
        }
        let request = [&request, "\r\n", &content].concat();
        let reply = server.exchange_and(request.as_bytes(), |stream| {
            stream.shutdown(Shutdown::Write).unwrap();
        });
        let printed = format!("{}{}", reply.head.replace('\r', ""), reply.text());
        assert_eq!(
            normal(&server, &printed),
            normal(&server, &output),
            "{target}"
        );
    }
}
