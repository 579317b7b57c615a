//! How the parameters of a request are read and looked up.

use proptest::prelude::*;
use vestibule_oauth::parameters::{Body, MAX_JSON_DEPTH, MAX_PARAMETERS, Parameters, Place};
use vestibule_oauth::refusal::{Code, Refusal};

fn query(text: &str) -> Result<Parameters, Refusal> {
    Parameters::read(Some(text), Body::None, None)
}

fn json(text: &str) -> Result<Parameters, Refusal> {
    Parameters::read(None, Body::Json(text.as_bytes()), None)
}

fn basic(header: &str) -> Result<Parameters, Refusal> {
    Parameters::read(None, Body::None, Some(header))
}

fn encode(text: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(text))
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> Refusal {
    let refusal = outcome.expect_err("it was accepted");
    assert_eq!(refusal.code, Code::InvalidRequest, "{}", refusal.message());
    refusal
}

#[test]
fn st_2_unknown_parameters_are_ignored() {
    let p = query("scope=read&utm_source=x&bad=%ff&ctrl=%00&a[]=1").unwrap();
    assert_eq!(p.get("scope").unwrap(), Some("read"));
    assert_eq!(p.get("state").unwrap(), None);
}

#[test]
fn st_3_a_parameter_sent_twice_in_one_source_is_refused() {
    for text in ["state=a&state=b", "state=a&state=a", "state=&state=a", "state&state", "st%61te=a&state=b"] {
        let refusal = refused(query(text));
        assert!(refusal.message().starts_with("state stands twice"), "{}", refusal.message());
        refused(Parameters::read(None, Body::Form(text.as_bytes()), None));
        refused(Parameters::read(None, Body::Untyped(text.as_bytes()), None));
    }
    refused(json(r#"{"state":"a","state":"a"}"#));
    refused(json(r#"{"state":"a","x":"y","st\u0061te":"b"}"#));
}

#[test]
fn resource_alone_may_stand_several_times() {
    let text = "resource=https://a.example&state=s&resource=https://b.example";
    assert_eq!(query(text).unwrap().get("state").unwrap(), Some("s"));
    refused(query(&format!("{text}&state=t")));
}

#[test]
fn st_3_fm_107_a_name_that_looks_like_no_name_is_not_quoted() {
    for name in ["hunter2!", "Upper", &"a".repeat(33), "a%20b"] {
        let refusal = refused(query(&format!("{name}=1&{name}=2")));
        assert_eq!(refusal.message(), "A parameter stands twice: send it once.");
    }
    let longest = "a".repeat(32);
    assert!(refused(query(&format!("{longest}=1&{longest}=2"))).message().contains(&longest));
    assert!(refused(query("_=1&_=2")).message().starts_with('_'));
}

#[test]
fn st_4_a_parameter_without_value_counts_as_absent() {
    for text in ["state=", "state", "state=&a=b"] {
        let p = query(text).unwrap();
        assert_eq!(p.get("state").unwrap(), None, "{text}");
        assert_eq!(p.place("state"), None, "{text}");
        assert_eq!(refused(p.required("state")).message(), "state is missing: add it to the request.");
    }
    for text in [r#"{"state":""}"#, r#"{"state":null}"#, "{}"] {
        let p = json(text).unwrap();
        assert_eq!(p.get("state").unwrap(), None, "{text}");
        assert_eq!(p.place("state"), None, "{text}");
    }
    // An empty one beside a full one: the full one counts.
    let p = Parameters::read(Some("state="), Body::Form(b"state=x"), None).unwrap();
    assert_eq!((p.get("state").unwrap(), p.place("state")), (Some("x"), Some(Place::Body)));
    let p = Parameters::read(Some("state=x"), Body::Form(b"state="), None).unwrap();
    assert_eq!((p.required("state").unwrap(), p.place("state")), ("x", Some(Place::Query)));
}

#[test]
fn query_and_body_are_united_and_equal_values_count_once() {
    let p = Parameters::read(Some("code=c&client_id=x"), Body::Form(b"client_id=x&grant_type=g"), None).unwrap();
    assert_eq!(p.get("client_id").unwrap(), Some("x"));
    assert_eq!(p.get("code").unwrap(), Some("c"));
    assert_eq!(p.get("grant_type").unwrap(), Some("g"));
    assert_eq!(p.place("client_id"), Some(Place::Query));
    assert_eq!(p.place("code"), Some(Place::Query));
    assert_eq!(p.place("grant_type"), Some(Place::Body));
    assert_eq!(p.place("scope"), None);
}

#[test]
fn st_3_different_values_in_query_and_body_are_refused() {
    for other in ["y", "X", "x ", "xx"] {
        let body = format!("client_id={other}");
        let p = Parameters::read(Some("client_id=x"), Body::Form(body.as_bytes()), None).unwrap();
        assert_eq!(
            refused(p.get("client_id")).message(),
            "client_id has different values in query and body: send it once."
        );
        refused(p.required("client_id"));
    }
}

#[test]
fn a_form_is_decoded_once_and_strictly() {
    let p = query("a=x+y&b=%2B%25%41%c3%A9&c=1=2&d=%&e=%4&f=%zz&g=%2541&&h=%e2%82%AC&=x&i=%4g&j=%g4").unwrap();
    for (name, value) in [
        ("a", "x y"),
        ("b", "+%A\u{e9}"),
        ("c", "1=2"),
        ("d", "%"),
        ("e", "%4"),
        ("f", "%zz"),
        ("g", "%41"),
        ("h", "\u{20ac}"),
        ("i", "%4g"),
        ("j", "%g4"),
    ] {
        assert_eq!(p.get(name).unwrap(), Some(value), "{name}");
    }
    assert_eq!(query("%63o+de=x").unwrap().get("co de").unwrap(), Some("x"));
    for digit in 0..=255u8 {
        let text = format!("a=x%{digit:02x}&b=x%{digit:02X}");
        let p = query(&text).unwrap();
        if (0x20..0x7f).contains(&digit) || digit == 9 {
            let expected = format!("x{}", digit as char);
            assert_eq!(p.get("a").unwrap(), Some(&*expected));
            assert_eq!(p.get("b").unwrap(), Some(&*expected));
        } else {
            refused(p.get("a"));
        }
    }
}

#[test]
fn text_that_is_not_utf_8_is_never_mended() {
    for value in ["%ff", "%c3", "%ed%a0%80", "a%f0%28%8c%28"] {
        let p = query(&format!("state={value}")).unwrap();
        assert_eq!(refused(p.get("state")).message(), "state must be text without control characters.");
        assert_eq!(p.place("state"), Some(Place::Query));
    }
    assert_eq!(refused(query("%ff=x")).message(), "The name of a parameter is not UTF-8.");
    let p = Parameters::read(None, Body::Form(b"state=\xff"), None).unwrap();
    refused(p.get("state"));
}

#[test]
fn st_25_control_characters_are_refused_where_they_are_asked_for() {
    for bad in ["%00", "%01", "%08", "%0a", "%0b", "%0D", "%1f", "%7f"] {
        refused(query(&format!("redirect_uri=a{bad}b")).unwrap().get("redirect_uri"));
    }
    assert_eq!(query("password=a%09%20b").unwrap().get("password").unwrap(), Some("a\t b"));
    refused(json(r#"{"state":"a\nb"}"#).unwrap().get("state"));
    assert_eq!(json(r#"{"state":"a\tb"}"#).unwrap().get("state").unwrap(), Some("a\tb"));
}

#[test]
fn fm_119_at_most_a_hundred_parameters() {
    let many = |n: usize| (0..n).map(|i| format!("p{i}=1")).collect::<Vec<_>>().join("&");
    assert_eq!(MAX_PARAMETERS, 100);
    assert!(query(&many(100)).is_ok());
    assert!(refused(query(&many(101))).message().contains("too many"));
    assert!(refused(query(&many(500))).message().contains("too many"));
    assert!(refused(query(&format!("{}&p1=1", many(101)))).message().contains("too many"));
    assert!(Parameters::read(Some(&many(40)), Body::Form(many(60).as_bytes()), None).is_ok());
    refused(Parameters::read(Some(&many(41)), Body::Form(many(60).as_bytes()), None));
    let members = |n: usize| (0..n).map(|i| format!(r#""p{i}":"1""#)).collect::<Vec<_>>().join(",");
    assert!(json(&format!("{{{}}}", members(100))).is_ok());
    refused(json(&format!("{{{}}}", members(101))));
    // Empty pairs are none.
    assert!(query(&"&".repeat(60_000)).is_ok());
}

#[test]
fn a_json_body_is_read_as_an_object_of_text_members() {
    let p = json(r#" {"grant_type":"password","n":1,"deep":{"a":[true]},"nothing":null,"scope":"a b"} "#).unwrap();
    assert!(p.body_is_json());
    assert_eq!(p.get("grant_type").unwrap(), Some("password"));
    assert_eq!(p.get("scope").unwrap(), Some("a b"));
    assert_eq!(p.get("nothing").unwrap(), None);
    assert_eq!(p.place("scope"), Some(Place::Body));
    assert_eq!(refused(p.get("n")).message(), "n must be text without control characters.");
    refused(p.get("deep"));
    for bad in ["", "[]", "null", "\"a=b\"", "1", "{", "{}x", "{\"a\":}", "{'a':'b'}", "grant_type=x", "\u{feff}{}"] {
        assert!(refused(json(bad)).message().starts_with("The body must be one JSON object"), "{bad}");
    }
    refused(Parameters::read(None, Body::Json(b"{\"a\":\"\xff\"}"), None));
    assert!(!json("{}").unwrap().body_is_json());
    assert!(!query("a=b").unwrap().body_is_json());
    assert!(!Parameters::read(None, Body::Form(b"a=b"), None).unwrap().body_is_json());
}

#[test]
fn fm_119_json_is_not_nested_deeper_than_sixteen() {
    assert_eq!(MAX_JSON_DEPTH, 16);
    let nested = |depth: usize, open: &str, close: &str| {
        format!(r#"{{"x":{}1{},"a":"b"}}"#, open.repeat(depth - 1), close.repeat(depth - 1))
    };
    assert_eq!(json(&nested(16, "[", "]")).unwrap().get("a").unwrap(), Some("b"));
    assert_eq!(json(&nested(16, r#"{"y":"#, "}")).unwrap().get("a").unwrap(), Some("b"));
    refused(json(&nested(17, "[", "]")));
    refused(json(&nested(17, r#"{"y":"#, "}")));
    refused(json(&"[".repeat(65_000)));
    refused(json(&format!("{{\"x\":{}", "[".repeat(65_000))));
    refused(json(&"]".repeat(100)));
    refused(json(&format!(r#"{{"x":{}1{}}}"#, r#"["]]","}}}}", "#.repeat(16), "]".repeat(16))));
    // Breadth is not depth, and brackets in text are text.
    assert!(json(&format!(r#"{{"x":[{}]}}"#, vec!["[]"; 50].join(","))).is_ok());
    assert!(json(&format!(r#"{{"x":[{}]}}"#, vec!["{}"; 50].join(","))).is_ok());
    let text = format!(r#"{{"x":"\"{}\\","y":"{}","z":"\\"}}"#, "[".repeat(50), "{".repeat(50));
    assert_eq!(json(&text).unwrap().get("z").unwrap(), Some("\\"));
    refused(json(&format!(r#"{{"x":"\\","y":{}}}"#, "[".repeat(20) + &"]".repeat(20))));
}

#[test]
fn an_untyped_body_is_a_form_unless_the_query_says_it_all() {
    let p = Parameters::read(None, Body::Untyped(b"grant_type=g&code=c"), None).unwrap();
    assert_eq!((p.get("code").unwrap(), p.place("code")), (Some("c"), Some(Place::Body)));
    let p = Parameters::read(Some("code=q"), Body::Untyped(b"client_id=c"), None).unwrap();
    assert_eq!(p.get("client_id").unwrap(), Some("c"));
    let p = Parameters::read(Some("grant_type="), Body::Untyped(b"client_id=c"), None).unwrap();
    assert_eq!(p.get("client_id").unwrap(), Some("c"), "an empty grant_type is none");
    // Casdoor: everything in the query, and the same once more as a JSON string without a type.
    let junk = br#""client_id=other&client_id=x&code=c""#;
    let p = Parameters::read(Some("grant_type=authorization_code&client_id=x"), Body::Untyped(junk), None).unwrap();
    assert_eq!(p.get("client_id").unwrap(), Some("x"));
    assert_eq!(p.get("code").unwrap(), None);
}

#[test]
fn a_foreign_body_is_ignored_only_when_the_query_says_it_all() {
    let p = Parameters::read(Some("grant_type=g&code=c"), Body::Foreign, None).unwrap();
    assert_eq!(p.get("code").unwrap(), Some("c"));
    for text in [None, Some(""), Some("code=c"), Some("grant_type=")] {
        let refusal = Parameters::read(text, Body::Foreign, None).unwrap_err();
        assert_eq!((refusal.code, refusal.status()), (Code::UnsupportedMediaType, 415));
    }
    // A JSON body that cannot be read is treated alike; a form never is.
    assert!(Parameters::read(Some("grant_type=g"), Body::Json(b"null"), None).is_ok());
    refused(Parameters::read(Some("code=c"), Body::Json(b"null"), None));
    refused(Parameters::read(Some("grant_type=g"), Body::Form(b"a=1&a=2"), None));
    refused(Parameters::read(Some("grant_type=g"), Body::Json(br#"{"a":"1","a":"2"}"#), None));
}

#[test]
fn st_45_basic_is_form_decoded_in_both_halves() {
    for (text, id, secret) in [
        ("id:secret", "id", "secret"),
        ("a%3Ab:c%3Ad", "a:b", "c:d"),
        ("a+b:c+d%2B", "a b", "c d+"),
        ("id:a:b", "id", "a:b"),
        ("id:", "id", ""),
        ("%C3%A9:%e2%82%ac", "\u{e9}", "\u{20ac}"),
    ] {
        let p = basic(&encode(text)).unwrap();
        let read = p.basic().unwrap();
        assert_eq!((read.client_id.as_str(), read.secret.expose()), (id, secret), "{text}");
    }
    assert!(query("a=b").unwrap().basic().is_none());
    // RFC 9110: the scheme's case does not count. Missing padding and surplus spaces do no harm.
    for header in ["basic aWQ6c2VjcmV0cw==", "BASIC aWQ6c2VjcmV0cw", "Basic   aWQ6c2VjcmV0cw== "] {
        assert_eq!(basic(header).unwrap().basic().unwrap().secret.expose(), "secrets", "{header}");
    }
}

#[test]
fn st_47_a_basic_header_that_cannot_be_read_is_an_invalid_client() {
    let no_colon = encode("id");
    let no_id = encode(":secret");
    let control = encode("id:a%00b");
    let line = encode("i\nd:x");
    let not_utf_8 = encode("id:%ff");
    let bytes = "Basic aWQ6/w==".to_owned();
    for header in ["", "Basic", "Basic ", "Basic !!!!", "Basicx aWQ6eA==", "Bearer aWQ6eA==", "aWQ6eA=="]
        .into_iter()
        .chain([&*no_colon, &no_id, &control, &line, &not_utf_8, &bytes])
    {
        let refusal = basic(header).unwrap_err();
        assert_eq!((refusal.code, refusal.status()), (Code::InvalidClient, 401), "{header}");
        assert!(refusal.www_authenticate().unwrap().starts_with("Basic "), "{header}");
    }
}

#[test]
fn fm_107_parameters_print_neither_names_nor_values() {
    let p =
        Parameters::read(Some("code=c4nary&c4nary=1"), Body::Form(b"x=c4nary"), Some(&encode("id:c4nary"))).unwrap();
    assert_eq!(format!("{p:?}"), "Parameters(2 in the query, 1 in the body)");
    assert!(!format!("{:?}", p.basic()).contains("c4nary"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn st_4_what_a_client_encodes_is_what_is_read(
        pairs in prop::collection::btree_map("[a-z_]{1,12}", "[^\\x00-\\x1f\\x7f]{0,30}", 0..20),
    ) {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(&pairs);
        let form = form.finish();
        let as_json = serde_json::to_string(&pairs).unwrap();
        let readings = [
            query(&form).unwrap(),
            Parameters::read(None, Body::Form(form.as_bytes()), None).unwrap(),
            Parameters::read(Some(&form), Body::Form(form.as_bytes()), None).unwrap(),
            json(&as_json).unwrap(),
        ];
        for p in readings {
            for (name, value) in &pairs {
                let expected = Some(value.as_str()).filter(|v| !v.is_empty());
                prop_assert_eq!(p.get(name).unwrap(), expected);
                prop_assert_eq!(p.place(name).is_some(), expected.is_some());
            }
        }
    }

    #[test]
    fn fm_118_no_bytes_make_the_reader_panic(
        text in ".{0,100}", bytes in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        for body in [Body::Form(&bytes), Body::Json(&bytes), Body::Untyped(&bytes), Body::Json(text.as_bytes())] {
            if let Ok(p) = Parameters::read(Some(&text), body, Some(&text)) {
                let _ = (p.get("a"), p.place("a"));
            }
            let _ = Parameters::read(Some(&text), body, None);
        }
    }

    #[test]
    fn st_45_every_encoded_basic_pair_is_read_back(id in "[^\\x00-\\x1f\\x7f]{1,20}", secret in "[^\\x00-\\x1f\\x7f]{0,20}") {
        let half = |t: &str| form_urlencoded::byte_serialize(t.as_bytes()).collect::<String>();
        let p = basic(&encode(&format!("{}:{}", half(&id), half(&secret)))).unwrap();
        prop_assert_eq!(&p.basic().unwrap().client_id, &id);
        prop_assert_eq!(p.basic().unwrap().secret.expose(), &secret);
    }
}
