//! Who tries: a person about whom everything is known, signed in and in agreement with an application.

use crate::harness::visitor::{parameter, parameters};
use crate::harness::{App, Call, Page, Person, Receiver, Server, Tokens, Visitor, jwt};
use serde_json::{Value, json};

/// Where the answers of an authorization request came by.
pub enum Came {
    /// By this mode, with these parameters.
    Back(&'static str, Vec<(String, String)>),
    /// Not at all: a page is shown.
    Page(Box<Page>),
}

pub struct Scene<'a> {
    pub server: &'a Server,
    pub receiver: &'a Receiver,
    pub person: Person,
    pub web: App,
    visitor: Visitor,
}

/// Scopes and claims that open everything.
pub const EVERYTHING: &str = "openid profile email phone offline_access";

impl<'a> Scene<'a> {
    pub fn new(server: &'a Server, receiver: &'a Receiver) -> Scene<'a> {
        let known =
            ["--nickname", "Ada", "--phone", "+44 20 7946 0000", "--locale", "en-GB", "--zone", "Europe/London"];
        let person = server.person_with(&known);
        let web = server.app("web");
        let mut visitor = Visitor::new(server);
        visitor.go_through(&web.authorize_url(&[("scope", EVERYTHING)]), &person, None);
        Scene { server, receiver, person, web, visitor }
    }

    /// An application of this template, with these arguments, that somebody else adds.
    pub fn app(&self, template: &str, arguments: &[&str]) -> App {
        let uris: &[&str] = if template == "service" { &[] } else { &["https://client.example/callback"] };
        self.server.app_with(template, uris, arguments)
    }

    /// What an Authorize URL of `app` with these parameters leads to in the browser of the person who is signed in.
    pub fn ask(&self, app: &App, over: &[(&str, &str)]) -> Came {
        came(self.visitor.clone().open(&app.authorize_url(over)))
    }

    /// The same, with everything allowed that the page asks for: the code, or the error.
    pub fn code(&self, app: &App, over: &[(&str, &str)]) -> Result<String, String> {
        let mut visitor = self.visitor.clone();
        let mut page = visitor.open(&app.authorize_url(over));
        if page.shows("allow") {
            page = visitor.allow(&page, None);
        }
        match came(page) {
            Came::Back(_, told) => match value(&told, "code") {
                Some(code) => Ok(code),
                None => Err(value(&told, "error").expect("a code or an error")),
            },
            Came::Page(page) => panic!("{over:?} ends on a page: {}", page.plain()),
        }
    }

    /// The tokens for such a request.
    pub fn tokens(&self, app: &App, over: &[(&str, &str)]) -> Result<Tokens, String> {
        self.code(app, over).map(|code| app.trade(&code).tokens())
    }

    /// The verified claims of the ID token among these.
    pub fn id_token(&self, app: &App, tokens: &Tokens) -> Value {
        let text = tokens.json["id_token"].as_str().unwrap_or_else(|| panic!("no ID token: {}", tokens.json));
        jwt::verified(self.server, text, &app.client_id).claims
    }

    pub fn userinfo(&self, tokens: &Tokens) -> Value {
        let answer = Call::get(self.server.at("/oauth/userinfo")).bearer(&tokens.access).send();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Whether a request with these parameters is answered with a code; otherwise it must be refused with `error`.
    pub fn is_served(&self, over: &[(&str, &str)], error: &str) -> bool {
        match self.code(&self.web, over) {
            Ok(_) => true,
            Err(told) => {
                assert_eq!(told, error, "{over:?}");
                false
            }
        }
    }

    /// A browser in which nobody has signed in.
    pub fn stranger(&self) -> Visitor {
        Visitor::new(self.server)
    }
}

/// The `claims` parameter that asks for `name` in `place`.
pub fn claims(place: &str, name: &str, wish: &Value) -> String {
    let mut wishes = serde_json::Map::new();
    wishes.insert(name.to_owned(), wish.clone());
    json!({ place: wishes }).to_string()
}

pub fn value(told: &[(String, String)], name: &str) -> Option<String> {
    told.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
}

fn came(page: Page) -> Came {
    if let Some(left) = &page.left_for {
        return match left.split_once('#') {
            Some((_, fragment)) => Came::Back("fragment", parameters(&format!("?{fragment}"))),
            None if parameter(left, "response").is_some() => Came::Back("query.jwt", parameters(left)),
            None => Came::Back("query", parameters(left)),
        };
    }
    if page.shows("continue") {
        let form = page.form("continue");
        assert_eq!((form.method.as_str(), form.action.as_str()), ("post", "https://client.example/callback"));
        return Came::Back("form_post", form.fields());
    }
    Came::Page(Box::new(page))
}
