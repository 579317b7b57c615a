//! Requests as an unmodified SDK of the vendor signed them (`vectors.json`), and what becomes of each when anything in it
//! is changed.

use super::{Presented, Refused, SKEW_MS, Signed, is_claimed};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;
use vestibule_oauth::secret::Secret;

/// 2026-11-22T01:30:00Z, the moment that the vectors bear.
const NOW: i64 = 1_795_311_000_000;

#[derive(Clone)]
struct Request {
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Request {
    fn verify_at(&self, secret: &str, now: i64) -> Result<(), Refused> {
        let Request { method, path, query, headers, body } = self;
        let signed = Signed { method, path, query, headers, body };
        Presented::read(headers, now)?.verify(&signed, &Secret::new(secret))
    }

    fn set(&mut self, name: &str, value: &str) {
        self.headers.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
}

fn vectors() -> (String, Vec<Request>) {
    let file: Value = serde_json::from_str(include_str!("vectors.json")).unwrap();
    let requests = file["requests"].as_array().unwrap().iter().map(|request| {
        let target = request["target"].as_str().unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = HeaderMap::new();
        for (name, value) in request["headers"].as_object().unwrap() {
            let value = HeaderValue::from_bytes(value.as_str().unwrap().as_bytes()).unwrap();
            headers.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
        }
        Request {
            method: request["method"].as_str().unwrap().parse().unwrap(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body: request["body"].as_str().unwrap().as_bytes().to_vec(),
        }
    });
    (file["secret"].as_str().unwrap().to_owned(), requests.collect())
}

#[test]
fn each_request_that_the_vendors_sdk_signed_is_accepted() {
    let (secret, requests) = vectors();
    assert_eq!(requests.len(), 11);
    for request in requests {
        assert_eq!(request.verify_at(&secret, NOW), Ok(()), "{} {}?{}", request.method, request.path, request.query);
        assert!(is_claimed(&request.headers));
        assert_eq!(Presented::read(&request.headers, NOW).unwrap().access, "VSTKAAAAAAAAAAAAAAAA");
    }
}

#[test]
fn a_request_with_anything_changed_is_refused() {
    let (secret, requests) = vectors();
    for (at, request) in requests.iter().enumerate() {
        assert_eq!(request.verify_at(&format!("{secret}x"), NOW), Err(Refused::Signature), "secret of {at}");
        let changed = |what: &str, change: &dyn Fn(&mut Request)| {
            let mut changed = request.clone();
            change(&mut changed);
            assert!(changed.verify_at(&secret, NOW).is_err(), "{what} of {at}");
        };
        changed("method", &|r| r.method = Method::PATCH);
        changed("path", &|r| r.path.push_str("/more"));
        changed("query", &|r| r.query.push_str("&more=1"));
        changed("host", &|r| r.set("host", "evil.example"));
        changed("date", &|r| r.set("x-sdk-date", "20261122T013001Z"));
        changed("second host", &|r| {
            r.headers.append("host", HeaderValue::from_static("vestibule.example:8443"));
        });
        if request.headers.contains_key("content-type") {
            changed("content type", &|r| r.set("content-type", "text/plain"));
            changed("lost content type", &|r| drop(r.headers.remove("content-type")));
        }
        // A body that is declared as not signed is not; every other one is, an empty one too.
        if !request.headers.contains_key("x-sdk-content-sha256") {
            changed("body", &|r| r.body.push(b' '));
        }
    }
}

#[test]
fn a_digest_that_is_not_the_bodys_is_no_way_around_the_signature() {
    let (secret, requests) = vectors();
    let request = requests.iter().find(|r| r.method == Method::POST).unwrap();
    let sum = super::hex_sha256(&request.body);
    let mut changed = request.clone();
    changed.set("x-sdk-content-sha256", &sum);
    assert_eq!(changed.verify_at(&secret, NOW), Ok(()), "the body's own digest says nothing new");
    changed.body = b"{\"name\":\"other\"}".to_vec();
    assert_eq!(changed.verify_at(&secret, NOW), Err(Refused::Malformed));
    changed.set("x-sdk-content-sha256", "UNSIGNED-PAYLOAD");
    assert_eq!(changed.verify_at(&secret, NOW), Err(Refused::Malformed), "a JSON body is always signed");
}

#[test]
fn a_date_holds_for_fifteen_minutes_to_both_sides() {
    let (secret, requests) = vectors();
    let request = &requests[0];
    for (away, wanted) in [
        (SKEW_MS, Ok(())),
        (-SKEW_MS, Ok(())),
        (SKEW_MS + 1000, Err(Refused::Date)),
        (-SKEW_MS - 1000, Err(Refused::Date)),
        (86_400_000 * 365, Err(Refused::Date)),
    ] {
        assert_eq!(request.verify_at(&secret, NOW + away), wanted, "{away} ms");
    }
}

#[test]
fn headers_that_can_be_read_in_two_ways_are_refused() {
    let (_, requests) = vectors();
    let good = requests[0].headers["authorization"].to_str().unwrap().to_owned();
    let read = |authorization: &str| {
        let mut request = requests[0].clone();
        request.set("authorization", authorization);
        Presented::read(&request.headers, NOW).map(drop)
    };
    assert_eq!(read(&good), Ok(()));
    for wrong in [
        String::new(),
        "SDK-HMAC-SHA256".to_owned(),
        good.replace("SDK-HMAC-SHA256", "SDK-HMAC-SM3"),
        good.replace("SDK-HMAC-SHA256", "sdk-hmac-sha256"),
        good.replace("SDK-HMAC-SHA256", "V11-HMAC-SHA256"),
        good.replace("Access=", "access="),
        good.replace("Access=VSTK", "Access=../"),
        good.replace("Access=VSTKAAAAAAAAAAAAAAAA", "Access="),
        good.replace("host;", ""),
        good.replace("content-type;host", "host;content-type"),
        good.replace("content-type;host", "content-type;host;host"),
        good.replace("content-type;host", "Content-Type;host"),
        good.replace("content-type;host", ";content-type;host"),
        good.replace("content-type;host", "content_type;host"),
        format!("{good}, Access=OTHER"),
        format!("{good}0"),
        good[..good.len() - 1].to_owned(),
        good.replace("Signature=", "Signature=ZZ"),
        good.replace("Signature=4", "Signature=+"),
    ] {
        assert_eq!(read(&wrong), Err(Refused::Malformed), "{wrong}");
    }
    for date in
        ["", "20261122T013000", "2026-11-22T01:30:00Z", "20261122t013000z", "20261122T01300AZ", "Sun, 22 Nov 2026"]
    {
        let mut request = requests[0].clone();
        request.set("x-sdk-date", date);
        assert_eq!(Presented::read(&request.headers, NOW).map(drop), Err(Refused::Malformed), "{date}");
    }
    let mut twice = requests[0].clone();
    twice.headers.append("x-sdk-date", HeaderValue::from_static("20261122T013000Z"));
    assert_eq!(Presented::read(&twice.headers, NOW).map(drop), Err(Refused::Malformed));
}

#[test]
fn broken_encodings_are_refused_and_a_slash_in_a_segment_signs_like_one_between() {
    let (secret, requests) = vectors();
    for path in ["/a%", "/a%2", "/a%zz", "/%ff", "/%+1"] {
        let request = Request { path: path.to_owned(), ..requests[0].clone() };
        assert_eq!(request.verify_at(&secret, NOW), Err(Refused::Malformed), "{path}");
        let request = Request { query: path.to_owned(), ..requests[0].clone() };
        assert_eq!(request.verify_at(&secret, NOW), Err(Refused::Malformed), "{path}");
    }
    let sliced = requests.iter().find(|r| r.path.contains("x%2Fy")).unwrap();
    let plain = Request { path: sliced.path.replace("x%2Fy", "x/y"), ..sliced.clone() };
    assert_eq!(plain.verify_at(&secret, NOW), Ok(()));
    assert!(!is_claimed(&HeaderMap::new()));
}
