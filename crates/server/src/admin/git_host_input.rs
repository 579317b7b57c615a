//! What may be registered as a host configuration.
//!
//! Owns the judgement of what an administrator typed. Knows no database; the verbs are `git_hosts`'s.

use super::fields::{Fault, Faults, Field, deceptive, fault};
use url::{Host, Url};
use vestibule_githost::address::Base;
use vestibule_githost::host::GitHost as Kind;
use vestibule_githost::registry;
use vestibule_oauth::secret::Secret;

/// The longest name and tag, in bytes, and how many tags and scopes there may be.
const NAME: usize = 63;
const TAGS: usize = 16;
const SCOPES: usize = 64;
/// The longest client id, client secret and scope, in bytes.
const CREDENTIAL: usize = 1024;
/// Kinds that callers name and that there is none of yet: no configuration may be taken for one.
const OTHER_KINDS: [&str; 6] = ["bitbucket", "bitbucket-server", "codearts", "devcloud", "forgejo", "gitea"];

/// What an administrator wants to add.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its kind.
    pub kind: &'a str,
    /// Where its pages begin; none means the kind's public host.
    pub url: Option<&'a str>,
    /// The project that it belongs to; none means that it is the deployment's.
    pub project: Option<&'a str>,
    /// Our application there.
    pub application: Option<Registered<'a>>,
    /// The scopes to ask for, separated by spaces; none means the kind's.
    pub scopes: Option<&'a str>,
    /// Its tags.
    pub tags: &'a [String],
    /// Whether it is the default of its kind.
    pub is_default: bool,
}

/// Our application at a host.
#[derive(Debug)]
pub struct Registered<'a> {
    /// Its client id.
    pub client_id: &'a str,
    /// Its client secret.
    pub secret: &'a Secret,
}

/// What may be added.
#[derive(Debug)]
pub struct Fit {
    /// The name.
    pub name: String,
    /// The kind, as it names itself.
    pub kind: &'static str,
    /// Where its pages begin.
    pub web: String,
    /// Our client id.
    pub client_id: Option<String>,
    /// The scopes.
    pub scopes: Vec<String>,
    /// The tags.
    pub tags: Vec<String>,
}

/// Judges what is wanted. `is_allowed` says which hosts inside the house the server may call.
pub fn judge(wanted: &Wanted<'_>, is_allowed: impl Fn(&Url) -> bool) -> Result<Fit, Vec<Fault>> {
    let mut faults = Faults::default();
    let name = faults.take(name(wanted.name));
    let kind = kind(wanted.kind, &mut faults);
    let public = kind.map(|kind| kind.habits().public).filter(|public| !public.is_empty());
    let web = match wanted.url.or(public) {
        Some(url) => faults.take(web(url, is_allowed)),
        None if kind.is_some() => {
            faults.take(Err(fault(Field::GitUrl, "this kind has no public host; say where yours is.")))
        }
        None => String::new(),
    };
    let client_id = wanted.application.as_ref().map(|application| registered(application, &mut faults));
    let scopes = match wanted.scopes {
        Some(text) => faults.take(scopes(text)),
        None => kind.map(asked_for).unwrap_or_default(),
    };
    let tags = faults.take(tags(wanted.tags));
    let kind = kind.map_or("", |kind| kind.habits().kind);
    faults.or(Fit { name, kind, web, client_id, scopes, tags })
}

/// Judges a client id and a secret, and gives the client id.
pub fn registered(application: &Registered<'_>, faults: &mut Faults) -> String {
    let plain =
        |text: &str| text.len() <= CREDENTIAL && !text.is_empty() && text.bytes().all(|b| (0x21..=0x7e).contains(&b));
    let client_id = application.client_id.trim();
    if !plain(client_id) {
        faults.note(Field::ClientId, "it is no client id; copy it as the host shows it.");
    }
    if !plain(application.secret.expose()) {
        faults.note(Field::ClientSecret, "it is no client secret; copy it as the host shows it, on one line.");
    }
    client_id.to_owned()
}

/// Stands in addresses in the place of a kind, so that it has a kind's letters and is never one.
fn name(text: &str) -> Result<String, Fault> {
    let text = word(Field::Name, text)?;
    let is_kind = registry::find(text).is_some() || OTHER_KINDS.iter().any(|kind| kind.eq_ignore_ascii_case(text));
    if is_kind {
        return Err(fault(Field::Name, "it is the name of a kind of host; choose another, such as my-github."));
    }
    Ok(text.to_owned())
}

fn word(field: Field, text: &str) -> Result<&str, Fault> {
    let text = text.trim();
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if text.is_empty() || text.len() > NAME || !text.bytes().all(fits) || !text.contains(|c: char| c.is_alphanumeric())
    {
        return Err(fault(field, format!("{text:?} is none: write up to {NAME} letters, digits and . _ -")));
    }
    Ok(text)
}

fn kind(text: &str, faults: &mut Faults) -> Option<&'static dyn Kind> {
    let found = registry::find(text);
    if found.is_none() {
        let kinds: Vec<&str> = registry::KINDS.iter().map(|kind| kind.habits().kind).collect();
        faults.note(Field::GitKind, format!("{text:?} is no kind of host; there are {}.", kinds.join(", ")));
    }
    found
}

/// https; http only on loopback and where the server was started with `--allow-private-host`.
fn web(text: &str, is_allowed: impl Fn(&Url) -> bool) -> Result<String, Fault> {
    let wrong = |sentence: String| fault(Field::GitUrl, sentence);
    let base = Base::parse(text.trim()).map_err(|problem| wrong(format!("{problem}.")))?;
    let url = Url::parse(base.as_str()).map_err(|_| wrong("it is no address.".to_owned()))?;
    let is_loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if base.is_plain_http() && !is_loopback && !is_allowed(&url) {
        let sentence = "it is plain http, over which tokens can be read: write https, or start the server with \
            --allow-private-host for it.";
        return Err(wrong(sentence.to_owned()));
    }
    Ok(base.as_str().to_owned())
}

fn asked_for(kind: &'static dyn Kind) -> Vec<String> {
    kind.habits().scopes.iter().map(|(scope, _)| (*scope).to_owned()).collect()
}

fn scopes(text: &str) -> Result<Vec<String>, Fault> {
    let scopes: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    let fits = |scope: &String| scope.len() <= CREDENTIAL && !scope.chars().any(deceptive);
    if scopes.is_empty() || scopes.len() > SCOPES || !scopes.iter().all(fits) {
        return Err(fault(Field::Scopes, format!("write 1 to {SCOPES} scopes with spaces between them.")));
    }
    Ok(scopes)
}

fn tags(texts: &[String]) -> Result<Vec<String>, Fault> {
    if texts.len() > TAGS {
        return Err(fault(Field::Tag, format!("there are {}; at most {TAGS} can be given.", texts.len())));
    }
    let mut tags: Vec<String> = Vec::new();
    for text in texts {
        let tag = word(Field::Tag, text)?;
        if !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
        }
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted<'a>(name: &'a str, kind: &'a str, url: Option<&'a str>) -> Wanted<'a> {
        Wanted { name, kind, url, project: None, application: None, scopes: None, tags: &[], is_default: false }
    }

    fn faults(wanted: &Wanted<'_>) -> Vec<Field> {
        let judged = judge(wanted, |url| url.host_str() == Some("git.internal"));
        judged.err().unwrap_or_default().into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn a_kinds_public_host_and_scopes_are_taken_when_nothing_else_is_said() {
        let fit = judge(&wanted("hub", "GitHub", None), |_| false).unwrap();
        assert_eq!((fit.kind, fit.web.as_str()), ("github", "https://github.com"));
        assert!(fit.scopes.iter().any(|scope| scope == "repo"), "{:?}", fit.scopes);
        let gitlife = judge(&wanted("gitlife", "gitee", Some("https://Code.Example.com/base/")), |_| false).unwrap();
        assert_eq!((gitlife.kind, gitlife.web.as_str()), ("gitee", "https://code.example.com/base"));
    }

    #[test]
    fn a_name_is_never_a_kinds() {
        for bad in [
            "github",
            "GitHub",
            "gitee",
            "Bitbucket",
            "DevCloud",
            "forgejo",
            "",
            "a b",
            "a/b",
            "..",
            "é",
            &"x".repeat(64),
        ] {
            assert_eq!(faults(&wanted(bad, "github", None)), [Field::Name], "{bad:?}");
        }
        assert_eq!(faults(&wanted("my-github.2", "github", None)), []);
        assert_eq!(faults(&wanted("hub", "sourceforge", None)), [Field::GitKind]);
    }

    #[test]
    fn fm_86_an_address_is_https_unless_it_is_loopback_or_an_allowed_host() {
        for good in ["https://git.example", "http://127.0.0.1:3000", "http://[::1]:3000", "http://git.internal:8080/x"]
        {
            assert_eq!(faults(&wanted("hub", "github", Some(good))), [], "{good}");
        }
        for bad in [
            "http://git.example",
            "ftp://git.example",
            "git.example",
            "https://user@git.example",
            "https://git.example/?x=1",
            "https://git.example/#x",
            "https://git.example/../x",
            "https://git.example\\@evil.example",
        ] {
            assert_eq!(faults(&wanted("hub", "github", Some(bad))), [Field::GitUrl], "{bad}");
        }
    }

    #[test]
    fn a_client_id_its_secret_tags_and_scopes_keep_their_shape() {
        let secret = Secret::new("two\nlines");
        let application = Some(Registered { client_id: "an id", secret: &secret });
        let wrong =
            Wanted { application, scopes: Some("  "), tags: &["a b".to_owned()], ..wanted("hub", "github", None) };
        assert_eq!(faults(&wrong), [Field::ClientId, Field::ClientSecret, Field::Scopes, Field::Tag]);
        let tags = ["intl".to_owned(), "intl".to_owned(), "cn".to_owned()];
        let fit =
            judge(&Wanted { tags: &tags, scopes: Some("b a"), ..wanted("hub", "github", None) }, |_| false).unwrap();
        assert_eq!(
            (fit.tags, fit.scopes),
            (vec!["intl".to_owned(), "cn".to_owned()], vec!["b".to_owned(), "a".to_owned()])
        );
    }
}
