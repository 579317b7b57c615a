//! What may stand in a field that an administrator fills in.
//!
//! Each function gives the value as it is kept, or what is wrong with it: the field, and a sentence that says what to
//! do. Redirect URIs and scopes have their rules in `oauth`.

use crate::passwords;
use vestibule_oauth::secret::Secret;

/// The longest name, in characters.
const NAME: usize = 100;
/// The largest logo, in bytes.
const LOGO: usize = 256 * 1024;

/// A field of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The name of an organization, a group or an application.
    Name,
    /// A person's user name.
    UserName,
    /// An e-mail address.
    Email,
    /// A password.
    Password,
    /// The name that applications show.
    Nickname,
    /// A telephone number.
    Phone,
    /// A language.
    Locale,
    /// A time zone.
    Zone,
    /// An id that another system gave.
    ExternalId,
    /// A redirect URI.
    RedirectUri,
    /// Registered scopes.
    Scopes,
    /// A home page.
    HomePage,
    /// A logo.
    Logo,
    /// Whether subjects are pairwise.
    Pairwise,
    /// The host that pairwise subjects are made for.
    Sector,
    /// Where people are sent after signing out.
    PostLogoutRedirectUri,
    /// Where an application hears that a session has ended.
    BackchannelLogoutUri,
    /// The kind of a Git host.
    GitKind,
    /// Where a Git host's pages begin.
    GitUrl,
    /// Our client id at a Git host.
    ClientId,
    /// Our client secret at a Git host.
    ClientSecret,
    /// A tag of a Git host.
    Tag,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field.
    pub field: Field,
    /// What is wrong and what to do, without the field's name: "must not be empty; write one".
    pub sentence: String,
}

/// A fault of `field`.
pub fn fault(field: Field, sentence: impl Into<String>) -> Fault {
    Fault { field, sentence: sentence.into() }
}

/// Characters that do not show, or that turn the text around them: a name must be what it looks like (it stands on
/// the sign-in and consent pages).
pub fn deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

/// A line of text for people: 1 to `max` characters without control characters. Spaces around it are dropped.
pub fn line(field: Field, text: &str, max: usize) -> Result<String, Fault> {
    let text = text.trim();
    if text.is_empty() {
        return Err(fault(field, "it must not be empty."));
    }
    if text.chars().count() > max {
        return Err(fault(field, format!("it has more than {max} characters; shorten it.")));
    }
    if text.chars().any(deceptive) {
        return Err(fault(field, "it holds a control character or an invisible one; leave that out."));
    }
    Ok(text.to_owned())
}

/// The name of an organization, a group or an application.
pub fn name(text: &str) -> Result<String, Fault> {
    line(Field::Name, text, NAME)
}

/// A user name: no '@', so that it is never taken for an e-mail address, and no white space.
pub fn user_name(text: &str) -> Result<String, Fault> {
    let text = line(Field::UserName, text, NAME)?;
    if text.contains('@') || text.contains(char::is_whitespace) {
        return Err(fault(Field::UserName, "it holds '@' or white space; leave that out."));
    }
    Ok(text)
}

/// An e-mail address: one '@' with something on both sides, no white space, at most 254 bytes (RFC 5321).
pub fn email(text: &str) -> Result<String, Fault> {
    let text = text.trim();
    let parts = text.split_once('@');
    let good = parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    if !good || text.len() > 254 || text.chars().any(|c| c.is_whitespace() || deceptive(c)) {
        return Err(fault(Field::Email, "it is no e-mail address; write one as in alice@example.com."));
    }
    Ok(text.to_owned())
}

/// A telephone number: digits, spaces and `+-()./`, at most 40 characters; kept as it is written.
pub fn phone(text: &str) -> Result<String, Fault> {
    let text = text.trim();
    let good = text.bytes().all(|b| b.is_ascii_digit() || b" +-()./".contains(&b));
    if !good || text.len() > 40 || !text.bytes().any(|b| b.is_ascii_digit()) {
        return Err(fault(Field::Phone, "it is no telephone number; write one as in '+49 30 1234567'."));
    }
    Ok(text.to_owned())
}

/// A language tag in the shape of RFC 5646 (`en`, `zh-CN`); whether the language exists is not asked.
pub fn locale(text: &str) -> Result<String, Fault> {
    let text = text.trim();
    let mut parts = text.split('-');
    let language =
        parts.next().is_some_and(|p| (2..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphabetic()));
    let rest = parts.all(|p| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()));
    if !language || !rest || text.len() > 35 {
        return Err(fault(Field::Locale, "it is no language tag; write one as in 'en' or 'zh-CN'."));
    }
    Ok(text.to_owned())
}

/// A time zone in the shape of the IANA names (`Europe/Berlin`); whether the zone exists is not asked.
pub fn zone(text: &str) -> Result<String, Fault> {
    let text = text.trim();
    let is_part = |part: &str| {
        let rest_is_fine = part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+'));
        rest_is_fine && part.starts_with(|c: char| c.is_ascii_alphabetic())
    };
    if text.len() > 64 || text.split('/').count() > 3 || !text.split('/').all(is_part) {
        return Err(fault(Field::Zone, "it is no time zone; write one as in 'Europe/Berlin'."));
    }
    Ok(text.to_owned())
}

/// An id that another system gave.
pub fn external_id(text: &str) -> Result<String, Fault> {
    line(Field::ExternalId, text, 200)
}

/// A password as a person typed it: at least 8 characters, at most 1024 bytes.
pub fn password(password: &Secret) -> Result<(), Fault> {
    if password.expose().chars().count() < passwords::SHORTEST {
        let sentence = format!("it has fewer than {} characters; choose a longer one.", passwords::SHORTEST);
        return Err(fault(Field::Password, sentence));
    }
    if password.expose().len() > passwords::LONGEST {
        let sentence = format!("it has more than {} bytes; choose a shorter one.", passwords::LONGEST);
        return Err(fault(Field::Password, sentence));
    }
    Ok(())
}

/// A home page: an absolute http or https URL with a host and without user name or password.
pub fn home_page(text: &str) -> Result<String, Fault> {
    let wrong = || Err(fault(Field::HomePage, "it is no web address; write one as in https://wiki.example.com/."));
    let Ok(url) = url::Url::parse(text.trim()) else { return wrong() };
    let web = matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.is_empty());
    if !web || !url.username().is_empty() || url.password().is_some() || text.len() > 2000 {
        return wrong();
    }
    Ok(url.into())
}

/// The media type of a logo, told from its first bytes: raster images only, because an SVG can carry script.
pub fn logo(bytes: &[u8]) -> Result<&'static str, Fault> {
    if bytes.len() > LOGO {
        return Err(fault(Field::Logo, format!("it has {} bytes; at most {LOGO} (256 KiB) are kept.", bytes.len())));
    }
    match bytes {
        [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Ok("image/png"),
        [0xFF, 0xD8, 0xFF, ..] => Ok("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok("image/webp"),
        _ => Err(fault(Field::Logo, "it is no PNG, JPEG, GIF or WebP image; convert it to one.")),
    }
}

/// Collects the faults of one input, so that a person hears of all of them at once.
#[derive(Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Takes the value, or notes the fault and gives the type's empty value.
    pub fn take<T: Default>(&mut self, checked: Result<T, Fault>) -> T {
        checked.unwrap_or_else(|fault| {
            self.0.push(fault);
            T::default()
        })
    }

    /// The same for a field that may be absent.
    pub fn take_if<T: Default>(
        &mut self,
        text: Option<&str>,
        check: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        text.map(|text| self.take(check(text)))
    }

    /// Notes a fault.
    pub fn note(&mut self, field: Field, sentence: impl Into<String>) {
        self.0.push(fault(field, sentence));
    }

    /// The value if nothing was found wrong.
    pub fn or<T>(self, value: T) -> Result<T, Vec<Fault>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_is_never_taken_for_an_address_and_is_what_it_looks_like() {
        assert_eq!(user_name(" alice ").unwrap(), "alice");
        for wrong in ["", "  ", "a@b", "a b", "a\u{202E}b", "a\u{200B}b", "a\nb", &"x".repeat(101)] {
            assert!(user_name(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_address_has_one_at_sign_with_something_on_both_sides() {
        assert_eq!(email(" a@b ").unwrap(), "a@b");
        for wrong in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a\u{202E}@b", &format!("{}@b", "x".repeat(253))] {
            assert!(email(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_password_has_eight_characters_and_at_most_a_kibibyte() {
        for (text, good) in [("1234567", false), ("12345678", true), ("éééééééé", true), ("ééééééé", false)]
        {
            assert_eq!(password(&Secret::new(text)).is_ok(), good, "{text}");
        }
        assert!(password(&Secret::new("x".repeat(1024))).is_ok());
        assert!(password(&Secret::new("x".repeat(1025))).is_err());
    }

    #[test]
    fn a_home_page_cannot_run_script_or_hide_its_host() {
        assert_eq!(home_page("https://wiki.example.com").unwrap(), "https://wiki.example.com/");
        for wrong in
            ["javascript:alert(1)", "data:text/html,x", "ftp://a/", "/relative", "https://u:p@host/", "https://"]
        {
            assert!(home_page(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_logo_is_a_raster_image_of_at_most_256_kib() {
        assert_eq!(logo(b"\x89PNG\r\n\x1a\nrest").unwrap(), "image/png");
        assert_eq!(logo(b"RIFF\0\0\0\0WEBPVP8 ").unwrap(), "image/webp");
        assert!(logo(b"<svg xmlns='http://www.w3.org/2000/svg'/>").is_err());
        let mut large = b"GIF89a".to_vec();
        large.resize(256 * 1024, 0);
        assert_eq!(logo(&large).unwrap(), "image/gif");
        large.push(0);
        assert!(logo(&large).is_err());
    }

    #[test]
    fn phone_locale_and_zone_keep_their_shape() {
        assert!(phone("86 13811111111").is_ok() && phone("+49 (30) 12-34").is_ok());
        assert!(phone("call me").is_err() && phone("+").is_err());
        assert!(locale("zh-CN").is_ok() && locale("en").is_ok());
        assert!(locale("e").is_err() && locale("en_US").is_err() && locale("en-").is_err());
        for good in ["Europe/Berlin", "UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "America/Port-au-Prince"] {
            assert_eq!(zone(good).as_deref(), Ok(good));
        }
        for bad in ["", "/", "Europe/", "+02:00", "Europe Berlin", "a/b/c/d", "Europe/<b>", &"a".repeat(65)] {
            assert!(zone(bad).is_err(), "{bad}");
        }
    }
}
