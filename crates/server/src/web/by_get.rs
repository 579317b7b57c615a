//! A visit that another site's page began by POST, begun again by GET.
//!
//! `SameSite=Lax` keeps our cookies from a POST that another site's page sends, so that nobody can tell who the browser
//! is. Owns how it is told and how the browser is asked to come again with its cookies.

use crate::app::App;
use crate::web::answer;
use crate::web::browser::Browser;
use crate::web::form::Received;
use axum::http::Method;
use axum::response::Response;
use vestibule_oauth::parameters::{Body, Parameters};
use vestibule_oauth::refusal::{Code, Refusal};

/// The longest query that a browser is sent to, in bytes.
const LONGEST_QUERY: usize = 8 * 1024;

/// The parameters: the query's, and for POST the form's. A body of another type says nothing here.
pub fn parameters(received: &Received) -> Result<Parameters, Refusal> {
    let body = match received.typed_body() {
        body @ Body::Form(_) if received.method == Method::POST => body,
        _ => Body::None,
    };
    Parameters::read(received.query.as_deref(), body, None)
}

/// Whether the browser may hold cookies of ours that it did not send. A new cookie would take the place of the one that
/// its other visits are bound to.
pub fn is_due(app: &App, received: &Received) -> bool {
    received.method == Method::POST && !Browser::is_known(app, &received.headers)
}

/// Has the browser ask the same by GET, with which the cookies come along. What the form holds is no secret: an
/// application may as well put it into the address.
pub fn ask_again(received: &Received) -> Result<Response, Refusal> {
    let query = received.query.as_deref().unwrap_or_default();
    let form = match received.typed_body() {
        Body::Form(form) => form,
        _ => b"",
    };
    match joined(query.as_bytes(), form) {
        parameters if parameters.len() <= LONGEST_QUERY => {
            Ok(answer::see_other(&format!("{}?{parameters}", received.path)))
        }
        _ => {
            let sentence = "The parameters are longer than 8 KiB in all: shorten state or whatever is longest.";
            Err(Refusal::new(Code::InvalidRequest, sentence))
        }
    }
}

/// Query and form as one query. What stands in both stands once, as the reader of parameters has it; what stands twice
/// in one of them still does.
fn joined(query: &[u8], form: &[u8]) -> String {
    let in_query: Vec<_> = form_urlencoded::parse(query).collect();
    let added = form_urlencoded::parse(form).filter(|pair| !in_query.contains(pair));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(&in_query).extend_pairs(added).finish()
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn st_03_query_and_form_become_one_query_that_reads_the_same() {
        assert_eq!(joined(b"a=1&b=2", b"b=2&c=%C3%A9+x"), "a=1&b=2&c=%C3%A9+x");
        assert_eq!(joined(b"a=1", b"a=2"), "a=1&a=2", "two values are still two");
        assert_eq!(joined(b"", b"a=1&a=1"), "a=1&a=1", "twice in one source is still twice");
    }
}
