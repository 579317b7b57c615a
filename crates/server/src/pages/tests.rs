//! Every template, rendered with hostile and with ordinary values.
//!
//! `gallery_of_every_page` also leaves each page below `target/pages/`, to be looked at in a browser.

mod gallery;

use super::consent::Destination;
use super::problem::{Callback, ForDevelopers, Problem};
use super::setup::{Fault, SetupPage};
use super::{ApplicationCard, HOSTILE, form_post, is_https, style};
use crate::text::{Language, ScopeMeaning, look_up};
use gallery::{ENGLISH, consent, gallery, problem, samples, sign_in, wiki};

#[test]
fn gallery_of_every_page() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/pages");
    std::fs::create_dir_all(folder).unwrap();
    let sheet = format!("{}/assets/style.css", env!("CARGO_MANIFEST_DIR"));
    let hostile = samples().into_iter().map(|(name, html)| (format!("hostile_{name}"), html));
    for (name, html) in gallery().into_iter().chain(hostile) {
        assert!(html.starts_with("<!doctype html>\n<html lang=\"en\">"), "{name}");
        assert_eq!(html.matches("<h1").count(), 1, "{name}");
        assert_eq!(html.matches("<main").count(), 1, "{name}");
        std::fs::write(format!("{folder}/{name}.html"), html.replace(style::sheet_path(), &sheet)).unwrap();
    }
}

#[test]
fn fm_92_fm_93_nothing_that_came_from_outside_is_markup() {
    for (name, html) in samples() {
        let html = without_the_one_script(name, html);
        for raw in ["<script", "alert('", "<b>", "(1)</"] {
            assert!(!html.contains(raw), "{name}: {raw}");
        }
        if name != "signed_out" {
            assert!(html.contains("&#60;script&#62;"), "{name} shows its hostile values, escaped");
        }
    }
}

#[test]
fn fm_92_no_page_has_script_inline_style_or_anything_from_elsewhere() {
    for (name, html) in gallery() {
        let html = without_the_one_script(&name, html);
        for barred in ["<script", "<style", " style=", " on", "javascript:", "<iframe", "<object", "<base"] {
            let inside_tags = tags(&html).any(|tag| tag.to_ascii_lowercase().contains(barred));
            assert!(!inside_tags, "{name}: {barred}");
        }
        for tag in tags(&html).filter(|tag| tag.contains("src=") || tag.starts_with("<link")) {
            assert!(tag.contains("src=\"/") || tag.contains("href=\"/"), "{name}: {tag}");
        }
        for tag in tags(&html).filter(|tag| tag.contains("href=\"http")) {
            assert!(tag.contains("href=\"https://") && tag.contains("rel=\"noreferrer"), "{name}: {tag}");
        }
    }
}

/// The page that posts an answer by itself has the one script of the house, byte for byte the one that its policy names.
fn without_the_one_script(name: &str, html: String) -> String {
    if name != "form_post" {
        return html;
    }
    assert_eq!(html.matches("<script>document.forms[0].submit()</script>").count(), 1);
    assert_eq!(form_post::SCRIPT, "document.forms[0].submit()");
    html.replace("<script>document.forms[0].submit()</script>", "")
}

fn tags(html: &str) -> impl Iterator<Item = &str> {
    html.split('<')
        .skip(1)
        .filter_map(|rest| rest.find('>').map(|end| &html[offset(html, rest) - 1..=offset(html, rest) + end]))
}

fn offset(whole: &str, part: &str) -> usize {
    part.as_ptr() as usize - whole.as_ptr() as usize
}

#[test]
fn fm_57_every_form_posts_and_carries_a_form_token_unless_it_goes_to_the_application() {
    for (name, html) in gallery() {
        for form in html.split("<form").skip(1).map(|rest| rest.split("</form>").next().unwrap()) {
            let tag = form.split('>').next().unwrap();
            assert!(tag.contains("method=\"post\""), "{name}");
            let elsewhere = tag.contains("action=\"https://");
            assert_eq!(elsewhere, matches!(name.as_str(), "form_post" | "refused_form"), "{name}");
            let has_token = form.contains("<input type=\"hidden\" name=\"form_token\" value=\"");
            assert_eq!(has_token, !elsewhere, "{name}");
        }
    }
}

#[test]
fn every_field_has_a_label_and_no_id_stands_twice() {
    for (name, html) in gallery() {
        let ids: Vec<&str> = html.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        for (i, id) in ids.iter().enumerate() {
            assert!(!ids[..i].contains(id), "{name}: {id} twice");
        }
        for tag in tags(&html).filter(|tag| tag.starts_with("<input") && !tag.contains("type=\"hidden\"")) {
            let id = tag.split(" id=\"").nth(1).unwrap().split('"').next().unwrap();
            assert!(html.contains(&format!("<label for=\"{id}\">")), "{name}: {tag}");
        }
        for described in html.split("aria-describedby=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            for id in described.split_whitespace() {
                assert!(ids.contains(&id), "{name}: {id}");
            }
        }
    }
}

#[test]
fn the_ids_that_tools_rely_on_are_there() {
    let page = |name: &str| gallery().into_iter().find(|(n, _)| n == name).unwrap().1;
    for (name, ids) in [
        ("sign_in_failed", &["sign-in-name", "sign-in-password", "sign-in"][..]),
        ("consent", &["scope-user_info", "scope-projects", "scope-build:trigger", "allow", "deny", "switch"]),
        ("home", &["sign-out", "sign-out-everywhere", "applications"]),
        ("applications", &["withdraw-app_1", "withdraw-app_2"]),
        ("sign_out", &["sign-out"]),
        ("problem_callback", &["error-code", "request-id"]),
        ("refused", &["error-code", "request-id", "back"]),
        ("refused_form", &["error-code", "request-id", "back"]),
        ("form_post", &["continue"]),
        ("account_choose", &["application-name", "signed-in-as", "go-on", "switch"]),
        ("account_somebody_else", &["application-name", "signed-in-as", "switch", "decline"]),
        ("not_assigned", &["error-code", "request-id", "switch"]),
        ("git_landed", &["git-name", "git-keep", "git-code", "git-state", "git-not-used", "signed-in-as"]),
        ("git_landed_renewable", &["git-renew-github-team", "git-renew-wiki-sources"]),
        ("git_kept", &["git-kept", "git-kept-name", "git-kept-host", "git-kept-account", "git-list"]),
    ] {
        for id in ids {
            assert!(page(name).contains(&format!(" id=\"{id}\"")), "{name}: {id}");
        }
    }
    for problem in Problem::ALL {
        let html = page(&format!("problem_{}", problem.code()));
        assert!(html.contains(&format!("<code id=\"error-code\">{}</code>", problem.code())));
    }
}

#[test]
fn a_ticked_box_is_sent_and_a_fixed_one_cannot_be_unticked() {
    let html = consent(wiki(true), "https://wiki.example.org/").render();
    let boxes: Vec<&str> = tags(&html).filter(|tag| tag.contains("type=\"checkbox\"")).collect();
    assert_eq!(boxes.len(), 6);
    for tag in boxes {
        let fixed = tag.contains("value=\"user_info\"");
        let ticked = fixed || tag.contains("\"projects\"") || tag.contains("\"emails\"");
        assert_eq!(tag.contains(" checked"), ticked, "{tag}");
        assert_eq!(tag.contains(" disabled"), fixed, "{tag}");
    }
    assert!(html.contains("<input type=\"hidden\" name=\"scope\" value=\"user_info\">"));
    assert_eq!(html.matches("type=\"hidden\" name=\"scope\"").count(), 1);
}

#[test]
fn what_was_typed_stands_in_the_form_again_but_never_a_password() {
    let html = gallery().into_iter().find(|(name, _)| name == "setup_faults").unwrap().1;
    for (id, value) in
        [("name", "ada lovelace"), ("email", "ada@example.org"), ("password", ""), ("password-again", "")]
    {
        let tag = tags(&html).find(|tag| tag.contains(&format!(" id=\"setup-{id}\""))).unwrap();
        assert!(tag.contains(&format!(" value=\"{value}\"")), "{tag}");
        assert!(tag.contains(&format!(" name=\"{}\"", id.replace('-', "_"))), "{tag}");
    }
}

#[test]
fn every_fault_of_the_setup_form_stands_beside_its_field() {
    for fault in Fault::ALL {
        let html = SetupPage { faults: &[fault], ..SetupPage::sample() }.render();
        assert!(html.contains(&format!("<p class=\"fault\" id=\"{}-fault\">", fault.field())), "{fault:?}");
        assert_eq!(html.matches("aria-invalid").count(), 1, "{fault:?}");
    }
}

#[test]
fn fm_96_an_unknown_name_and_a_wrong_password_give_the_same_page() {
    // The page cannot tell them apart: it is told one flag and the name that was typed.
    assert_eq!(sign_in(Some(wiki(true)), "ada", true), sign_in(Some(wiki(true)), "ada", true));
    let (ada, bob) = (sign_in(None, "ada", true), sign_in(None, "bob", true));
    assert_eq!(ada.replace("value=\"ada\"", "value=\"bob\""), bob);
    assert!(!ada.contains("wrong-password") && ada.contains("id=\"sign-in-wrong\""));
}

#[test]
fn fm_08_only_a_plain_https_home_page_becomes_a_link() {
    assert!(is_https("https://wiki.example.org/about?x=1"));
    for address in [
        "http://wiki.example.org/",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "https:wiki.example.org",
        "https://user@wiki.example.org/",
        "https://user:secret@wiki.example.org/",
        " https://wiki.example.org/",
        "https://wiki.\nexample.org/",
        "HTTPS://wiki.example.org/",
        "https://",
        "//wiki.example.org",
        "",
    ] {
        assert!(!is_https(address), "{address:?}");
        assert!(ApplicationCard::new("Wiki", "app_1", false, Some(address), true).home_page.is_none());
    }
}

#[test]
fn st_10_a_plain_http_destination_is_warned_of_unless_it_is_this_computer() {
    let site = |host: &str, plain_http| Destination::Site { host: host.to_owned(), plain_http };
    let here = |host: &str| Destination::ThisComputer { host: host.to_owned() };
    for (uri, expected) in [
        ("https://wiki.example.org/x", site("wiki.example.org", false)),
        ("https://wiki.example.org:8443/x", site("wiki.example.org:8443", false)),
        ("http://wiki.example.org/x", site("wiki.example.org", true)),
        ("http://localhost.example.org/x", site("localhost.example.org", true)),
        ("http://localhost:9000/x", here("localhost:9000")),
        ("http://127.0.0.1:9000/x", here("127.0.0.1:9000")),
        ("http://[::1]:9000/x", here("[::1]:9000")),
        ("org.example.wiki:/signed-in", Destination::App { scheme: "org.example.wiki".into() }),
        ("org.example.wiki://signed-in", Destination::App { scheme: "org.example.wiki".into() }),
    ] {
        assert_eq!(Destination::of(uri), expected, "{uri}");
    }
    let warned = |uri| consent(wiki(true), uri).render().contains("id=\"plain-http\"");
    assert!(warned("http://wiki.example.org/x"));
    assert!(!warned("https://wiki.example.org/x") && !warned("http://localhost:9000/x"));
}

#[test]
fn a_wrong_callback_names_the_difference_to_the_developer() {
    let registered = ["https://wiki.example.org/signed-in".to_owned(), "http://localhost:9000/x".to_owned()];
    for (asked, sentence) in [
        (Some("https://wiki.example.org/signed-in/"), "slash at the end"),
        (Some("https://wiki.example.org/Signed-In"), "capital and small"),
        (Some("http://wiki.example.org/signed-in"), "http and https"),
        (Some("https://wiki.example.org:8443/signed-in"), "host or the port"),
        (Some("https://wiki.example.org/signed-out"), "after the host"),
        (None, "must name one of them"),
    ] {
        let callback = Some(Callback { asked, registered: &registered });
        let html = problem(Problem::WrongCallback, Some(ForDevelopers { callback, ..ForDevelopers::default() }));
        assert!(html.contains(sentence), "{asked:?}");
        assert!(html.contains("redirect_uri_mismatch"));
        if let Some(asked) = asked {
            let cell = html.split("id=\"callback-asked\">").nth(1).unwrap().split("</dd>").next().unwrap();
            assert_eq!(
                cell.replace("<mark>", "").replace("</mark>", "").trim(),
                format!("<code class=\"address\">{asked}</code>")
            );
        }
    }
}

#[test]
fn the_parts_of_a_compared_address_are_cut_between_characters() {
    let registered = ["https://wiki.example.org/é".to_owned(), String::new()];
    for asked in ["https://wiki.example.org/è", "", "é", HOSTILE] {
        let callback = Some(Callback { asked: Some(asked), registered: &registered });
        let html = problem(Problem::WrongCallback, Some(ForDevelopers { callback, ..ForDevelopers::default() }));
        assert!(html.contains("callback-asked"));
    }
}

#[test]
fn a_language_is_looked_up_by_its_tag_and_by_shorter_ones() {
    let known = ["en", "zh-Hant", "de"];
    for (tags, found) in [
        (&["de"][..], Some(2)),
        (&["DE-ch"], Some(2)),
        (&["tlh", "en-Latn-GB-x-y", "de"], Some(0)),
        (&["zh-Hant-TW"], Some(1)),
        (&["zh", "de"], Some(2)),
        (&["-", "d", "german"], None),
        (&[], None),
    ] {
        assert_eq!(look_up(tags, &known), found, "{tags:?}");
    }
    assert_eq!(Language::of(&["tlh"]), ENGLISH);
}

#[test]
fn every_scope_that_a_template_registers_has_words() {
    for template in vestibule_oauth::template::Template::ALL {
        for scope in template.default_scopes().iter().filter(|scope| *scope != "api") {
            assert!(ScopeMeaning::of(scope).is_some(), "{scope}");
        }
    }
    assert_eq!(ScopeMeaning::of("api"), None);
    assert!((ENGLISH.text().unknown_scope)("api").contains("api"));
}

#[test]
fn the_address_of_the_stylesheet_changes_with_its_content() {
    let (sheet, keep) = style::asset(style::sheet_path()).unwrap();
    assert_eq!(keep, style::Keep::Forever);
    assert_eq!(sheet.content_type, "text/css; charset=utf-8");
    assert_eq!(style::asset("/assets/style.css").unwrap().1, style::Keep::Ask);
    assert!(style::asset("/assets/style.0000000000.css").is_none());
    assert!(style::asset(style::icon_path()).is_some());
}
