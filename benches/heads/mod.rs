//! The ladder of heads that the benches read, from wrk's 40 bytes to 100 fields.

use hullo::http::{Handler, Request, Responded, ResponseWriter, Status};

const WRK: &str = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

const CURL: &str = "GET /any/path?q=1 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\
    User-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n";

const BROWSER: &str = "GET /any/path HTTP/1.1\r\n\
    Host: 127.0.0.1:8080\r\n\
    Connection: keep-alive\r\n\
    Cache-Control: max-age=0\r\n\
    sec-ch-ua: \"Chromium\";v=\"156\", \"Not?A_Brand\";v=\"24\"\r\n\
    sec-ch-ua-mobile: ?0\r\n\
    sec-ch-ua-platform: \"Linux\"\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/156.0.0.0 Safari/537.36\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,\
    image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7\r\n\
    Sec-Fetch-Site: none\r\n\
    Sec-Fetch-Mode: navigate\r\n\
    Sec-Fetch-User: ?1\r\n\
    Sec-Fetch-Dest: document\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n\r\n";

/// A head and the number of its fields.
pub(crate) struct Rung {
    pub(crate) name: &'static str,
    pub(crate) head: String,
    /// The same but for the last byte of its last field: a server that knows the fields of `head` has to
    /// read these.
    pub(crate) other: String,
    fields: usize,
}

pub(crate) fn rungs() -> [Rung; 5] {
    let rung = |name, head: String, fields| {
        let (start, end) = head.split_at(head.len() - "?\r\n\r\n".len());
        let other = format!("{start}1{}", &end[1..]);
        Rung {
            name,
            head,
            other,
            fields,
        }
    };
    [
        rung("wrk", WRK.to_owned(), 1),
        rung("curl", CURL.to_owned(), 3),
        rung("browser", BROWSER.to_owned(), 15),
        rung("4KiB", with_fields(12, 350), 12),
        rung("100-fields", with_fields(100, 20), 100),
    ]
}

fn with_fields(count: usize, value_bytes: usize) -> String {
    let value = "v".repeat(value_bytes);
    let fields: Vec<String> = (1..count)
        .map(|n| format!("X-Field-{n}: {value}\r\n"))
        .collect();
    format!(
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n{}\r\n",
        fields.concat()
    )
}

/// Says as little as possible.
pub(crate) struct Mute;

impl Handler for Mute {
    fn handle(&self, _: &Request<'_>, reply: ResponseWriter<'_>) -> Responded {
        reply.send(Status::NO_CONTENT, &[], &[])
    }
}

/// httparse alone, with a table that is not longer than it has to be.
pub(crate) fn control(rung: &Rung) {
    fn read<const TABLE: usize>(rung: &Rung) {
        let head = std::hint::black_box(rung.head.as_bytes());
        let mut table = [httparse::EMPTY_HEADER; TABLE];
        let mut request = httparse::Request::new(&mut table);
        let read = request.parse(head);
        assert!(read == Ok(httparse::Status::Complete(head.len())));
        assert!(request.headers.len() == rung.fields);
    }
    if rung.fields <= 16 {
        read::<16>(rung);
    } else {
        read::<100>(rung);
    }
}
