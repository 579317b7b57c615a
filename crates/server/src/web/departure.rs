//! How a person leaves for the application: by a redirect, or by a form that their browser posts.
//!
//! Owns the headers of both. What is sent is `oauth::response`'s, the page `pages/form_post`'s.

use crate::pages::form_post::{FormPostPage, script_source};
use crate::text::Language;
use crate::web::answer;
use axum::response::Response;
use vestibule_oauth::redirect_uri::csp_sources;
use vestibule_oauth::response::{AuthorizationResponse, ResponseMode};

/// Sends the browser to the application of this name with `response`.
pub fn depart(response: &AuthorizationResponse, application: &str, language: Language) -> Response {
    match response.mode {
        ResponseMode::Query => answer::see_other(&response.location()),
        ResponseMode::FormPost => {
            let page = FormPostPage { language, application, response };
            answer::page_under(&form_post_policy(&response.redirect_uri), 200, page.render())
        }
    }
}

/// The one script, and where the form leads: to the application, and on from there.
fn form_post_policy(redirect_uri: &str) -> String {
    let target = match csp_sources(redirect_uri) {
        none if none.is_empty() => "'none'".to_owned(),
        sources => sources.join(" "),
    };
    format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src {}; frame-ancestors 'none'; base-uri 'none'; \
         form-action {target}",
        script_source()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header;
    use vestibule_oauth::secret::Secret;

    const HOSTILE: &str = "\"><script>alert('x')</script>";

    fn departed(redirect_uri: &str, mode: ResponseMode) -> Response {
        let state = Some(HOSTILE);
        let response =
            AuthorizationResponse::success(redirect_uri, mode, &Secret::new("c0de"), state, "https://id.example");
        depart(&response, "Wiki", Language::English)
    }

    #[test]
    fn fm_94_a_form_goes_to_web_addresses_only_and_one_script_runs_by_its_hash() {
        for (uri, target) in [
            ("https://app.example:8443/cb?x=1", "https:"),
            ("http://127.0.0.1:4711/cb", "http://localhost:* http://127.0.0.1:* https:"),
            ("http://[::1]:4711/cb", "http: https:"),
            ("javascript:alert(1)", "'none'"),
        ] {
            let response = departed(uri, ResponseMode::FormPost);
            let headers = response.headers();
            assert_eq!(headers[header::CACHE_CONTROL], "no-store");
            let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.ends_with(&format!("form-action {target}")), "{policy}");
            assert!(policy.contains(" script-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
        }
    }

    #[test]
    fn st_16_a_query_goes_by_303_with_every_character_encoded() {
        let response = departed("https://app.example/cb", ResponseMode::Query);
        assert_eq!(response.status(), 303);
        let location = response.headers()[header::LOCATION].to_str().unwrap();
        assert!(location.starts_with("https://app.example/cb?code=c0de&state=%22%3E%3Cscript%3E"), "{location}");
    }
}
