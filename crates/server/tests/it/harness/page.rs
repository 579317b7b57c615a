//! A small reader of the HTML that our own templates write: forms, their fields, elements by id.
//!
//! Owns no layout and no script: what a browser makes of a page is asked of Chromium.

use std::collections::BTreeMap;

/// One start tag with its attributes (names in lower case, values with entities resolved).
#[derive(Debug, Clone)]
pub struct Tag {
    pub name: String,
    pub attributes: BTreeMap<String, String>,
    /// Where the tag ends in the source, so that its text can be read.
    end: usize,
}

impl Tag {
    pub fn get(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute).map(String::as_str)
    }
}

/// A form with everything inside it.
#[derive(Debug, Clone)]
pub struct Form {
    pub action: String,
    pub method: String,
    pub tags: Vec<Tag>,
}

impl Form {
    /// The fields that a browser would send if no button were pressed: hidden, text, and ticked boxes.
    pub fn fields(&self) -> Vec<(String, String)> {
        let inputs = self.tags.iter().filter(|t| t.name == "input");
        let sent = inputs.filter(|t| match t.get("type").unwrap_or("text") {
            "checkbox" | "radio" => t.get("checked").is_some() && t.get("disabled").is_none(),
            "submit" | "button" => false,
            _ => t.get("disabled").is_none(),
        });
        sent.filter_map(|t| {
            let unset = if t.get("type") == Some("checkbox") { "on" } else { "" };
            Some((t.get("name")?.to_owned(), t.get("value").unwrap_or(unset).to_owned()))
        })
        .collect()
    }

    pub fn has(&self, name: &str) -> bool {
        self.tags.iter().any(|t| t.get("name") == Some(name) || t.get("id") == Some(name))
    }

    /// The value of a hidden or text field.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.tags.iter().find(|t| t.get("name") == Some(name)).and_then(|t| t.get("value"))
    }

    /// The checkboxes: value, ticked, fixed.
    pub fn boxes(&self) -> Vec<(String, bool, bool)> {
        let boxes = self.tags.iter().filter(|t| t.get("type") == Some("checkbox"));
        boxes
            .map(|t| {
                let name = t.get("value").unwrap_or("on").to_owned();
                (name, t.get("checked").is_some(), t.get("disabled").is_some())
            })
            .collect()
    }
}

/// Every start tag of the page in order.
pub fn tags(html: &str) -> Vec<Tag> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = html[at..].find('<').map(|i| at + i) {
        let Some((tag, next)) = read_tag(html, open) else {
            at = open + 1;
            continue;
        };
        at = next;
        found.push(tag);
    }
    found
}

/// The forms of the page.
pub fn forms(html: &str) -> Vec<Form> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find("<form") {
        let end = rest[start..].find("</form>").map_or(rest.len(), |i| start + i);
        let mut inside = tags(&rest[start..end]);
        let form = inside.remove(0);
        found.push(Form {
            action: form.get("action").unwrap_or_default().to_owned(),
            method: form.get("method").unwrap_or("get").to_lowercase(),
            tags: inside,
        });
        rest = &rest[end..];
    }
    found
}

/// The text right inside the element of this id, up to the next tag.
pub fn text_of(html: &str, id: &str) -> Option<String> {
    let tag = tags(html).into_iter().find(|t| t.get("id") == Some(id))?;
    let rest = &html[tag.end..];
    Some(unescape(rest[..rest.find('<').unwrap_or(rest.len())].trim()))
}

/// What a person reads: the page without its tags.
pub fn plain(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            c if !inside => text.push(c),
            _ => {}
        }
    }
    unescape(&text).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn read_tag(html: &str, open: usize) -> Option<(Tag, usize)> {
    let mut rest = &html[open + 1..];
    if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let name_end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-')?;
    let name = rest[..name_end].to_lowercase();
    rest = &rest[name_end..];
    let mut attributes = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if let Some(after) = rest.strip_prefix('>') {
            let end = html.len() - after.len();
            return Some((Tag { name, attributes, end }, end));
        }
        let key_end = rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/'))?;
        let key = rest[..key_end].to_lowercase();
        rest = rest[key_end..].trim_start();
        let value = match rest.strip_prefix('=') {
            None => String::new(),
            Some(after) => {
                let after = after.trim_start();
                let (value, left) = match after.chars().next()? {
                    quote @ ('"' | '\'') => after[1..].split_once(quote)?,
                    _ => after.split_at(after.find(|c: char| c.is_whitespace() || c == '>')?),
                };
                rest = left;
                unescape(value)
            }
        };
        attributes.insert(key, value);
    }
}

/// Resolves the entities that an escaping template writes.
pub fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let Some(end) = rest.find(';').filter(|e| *e < 10) else {
            out.push('&');
            rest = &rest[1..];
            continue;
        };
        let entity = &rest[1..end];
        let number = entity.strip_prefix('#').and_then(|n| match n.strip_prefix('x') {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => n.parse().ok(),
        });
        match (entity, number.and_then(char::from_u32)) {
            (_, Some(c)) => out.push(c),
            ("amp", _) => out.push('&'),
            ("lt", _) => out.push('<'),
            ("gt", _) => out.push('>'),
            ("quot", _) => out.push('"'),
            ("apos", _) => out.push('\''),
            _ => out.push_str(&rest[..=end]),
        }
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    out
}
