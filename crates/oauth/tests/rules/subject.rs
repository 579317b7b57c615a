//! By which `sub` an application knows a person.

use crate::sample::{client, id};
use proptest::prelude::*;
use vestibule_oauth::client::Client;
use vestibule_oauth::subject::{Names, PairwiseSecret, SectorProblem, at_resource, sector, session_for, subject_for};
use vestibule_oauth::template::Template;

fn secret() -> PairwiseSecret {
    PairwiseSecret::new([9; 32])
}

fn of_sector(sector: &str) -> Client {
    Client { sector: Some(sector.to_owned()), ..client(Template::Web) }
}

#[test]
fn without_a_sector_everybody_has_the_same_subject_everywhere() {
    assert_eq!(subject_for(&client(Template::Web), "ada", &secret()), "ada");
    assert_eq!(subject_for(&client(Template::Gitlife), "ada", &secret()), "ada");
}

#[test]
fn a_pairwise_subject_is_one_per_sector_and_person_and_not_to_be_made_without_the_secret() {
    let here = subject_for(&of_sector("a.example"), "ada", &secret());
    assert_eq!(here, subject_for(&of_sector("a.example"), "ada", &secret()), "it stays the same");
    assert_eq!(here.len(), 43);
    let others = [
        subject_for(&of_sector("b.example"), "ada", &secret()),
        subject_for(&of_sector("a.example"), "bob", &secret()),
        subject_for(&of_sector("a.exampl"), "eada", &secret()),
        subject_for(&of_sector("a.example"), "ada", &PairwiseSecret::new([8; 32])),
    ];
    assert!(others.iter().all(|other| *other != here && !other.contains("ada")), "{others:?}");
}

#[test]
fn st_127_each_application_knows_a_session_by_another_name_which_does_not_tell_the_root() {
    let named = |name: &str| Client { client_id: name.to_owned(), ..client(Template::Web) };
    let here = session_for(&named("app_1"), id(4), &secret());
    assert_eq!(here, session_for(&named("app_1"), id(4), &secret()), "it stays the same");
    assert_eq!(here.len(), 43);
    let others = [
        session_for(&named("app_2"), id(4), &secret()),
        session_for(&named("app_1"), id(5), &secret()),
        session_for(&named("app_1"), id(4), &PairwiseSecret::new([8; 32])),
        subject_for(&of_sector("app_1"), &id(4).to_string(), &secret()),
        id(4).to_string(),
    ];
    assert!(!others.contains(&here), "{others:?}");
    // Of one sector are two applications with one subject, and still the session is each one's own.
    let (one, two) = (of_sector("a.example"), Client { client_id: "app_2".to_owned(), ..of_sector("a.example") });
    assert_ne!(session_for(&one, id(4), &secret()), session_for(&two, id(4), &secret()));
}

#[test]
fn the_secret_of_pairwise_subjects_is_never_printed() {
    assert_eq!(format!("{:?}", secret()), "[redacted]");
}

#[test]
fn on_the_idaas_wire_a_resource_knows_people_by_the_id_of_that_wire() {
    let names = Names { subject: "ada", number: 7, external_id: Some("E-7") };
    let idaas = client(Template::IdaasOauth2);
    assert_eq!(at_resource(&idaas, names, &secret()), "E-7");
    assert_eq!(at_resource(&idaas, Names { external_id: None, ..names }, &secret()), "7");
    assert_eq!(at_resource(&client(Template::Gitlife), names, &secret()), "ada");
    let pairwise = of_sector("a.example");
    assert_eq!(at_resource(&pairwise, names, &secret()), subject_for(&pairwise, "ada", &secret()));
}

#[test]
fn a_sector_is_the_one_host_of_the_redirect_uris_or_named() {
    let of = |uris: &[&str]| sector(None, uris.iter().copied());
    assert_eq!(of(&["https://a.example/cb", "https://A.EXAMPLE:8443/b"]), Ok("a.example".to_owned()));
    assert_eq!(of(&["https://a.example/cb", "https://b.example/cb"]), Err(SectorProblem::SeveralHosts));
    assert_eq!(of(&["https://a.example/cb", "com.example.app:/cb"]), Err(SectorProblem::SeveralHosts));
    assert_eq!(of(&["com.example.app:/cb"]), Err(SectorProblem::NoHost));
    assert_eq!(of(&[]), Err(SectorProblem::NoHost));
    // All native applications have these, so that they would tell nobody apart.
    for own in ["http://127.0.0.1/cb", "http://[::1]:7/cb", "http://localhost/cb", "http://a.localhost/cb"] {
        assert_eq!(of(&[own]), Err(SectorProblem::NoHost), "{own}");
        assert_eq!(of(&[own, "https://a.example/cb"]), Err(SectorProblem::SeveralHosts), "{own}");
    }
    let named = |text| sector(Some(text), ["https://a.example/cb", "https://b.example/cb"]);
    assert_eq!(named("Group.Example"), Ok("group.example".to_owned()));
    for wrong in
        ["", "a.example/", "https://a.example", "a.example:443", "u@a.example", "a b", "a\\b", "a.example?x", "#"]
    {
        assert_eq!(named(wrong), Err(SectorProblem::NotAHost), "{wrong:?}");
    }
}

proptest! {
    #[test]
    fn what_is_named_as_a_sector_is_the_whole_host_of_its_url_or_refused(text in "\\PC{0,40}") {
        if let Ok(host) = sector(Some(&text), []) {
            let url = url::Url::parse(&format!("https://{host}/x")).unwrap();
            prop_assert_eq!(url.host_str(), Some(host.as_str()));
            prop_assert!(host.eq_ignore_ascii_case(&text));
        }
    }
}
