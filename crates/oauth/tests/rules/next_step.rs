//! What comes next for a person in the browser, for every combination that matters.

use crate::sample::{HINTING, NOW, client, id, query, scope};
use vestibule_oauth::authorize::{self, AuthorizationRequest};
use vestibule_oauth::client::Client;
use vestibule_oauth::next_step::{Facts, Step, Visitor, next_step};
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::template::{Template, Wire};

const VISITOR: Visitor = Visitor { session: id(9), subject: "subject of ada", auth_time: NOW - 1000, assigned: true };

fn request(client: &Client, rest: &str) -> AuthorizationRequest {
    let registered = ["https://app.example/cb".to_owned()];
    let text = format!("response_type=code&client_id=app_sample{rest}");
    authorize::judge(&query(&text), client, &registered, &HINTING).unwrap()
}

/// A signed-in visitor in front of a request that is not stored.
fn facts<'a>(client: &'a Client, request: &'a AuthorizationRequest) -> Facts<'a> {
    Facts {
        request,
        client,
        visitor: Some(VISITOR),
        last_consent: None,
        consented_now: None,
        request_created_at: None,
        chosen: None,
        now: NOW,
    }
}

fn refused(step: Step) -> Refusal {
    match step {
        Step::Refuse(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

fn issued(step: Step) -> ScopeSet {
    match step {
        Step::Issue(granted) => granted.scopes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn st_17_nobody_signed_in_means_the_sign_in_page_whatever_was_consented() {
    for template in [Template::Web, Template::Gitlife, Template::IdaasOauth2] {
        let client = client(template);
        let request = request(&client, "");
        let all = client.scopes.clone();
        let facts = Facts {
            visitor: None,
            last_consent: Some(&all),
            consented_now: Some(&all),
            request_created_at: Some(NOW),
            ..facts(&client, &request)
        };
        assert!(matches!(next_step(&facts), Step::SignIn), "{template:?}");
    }
}

#[test]
fn st_126_prompt_none_never_shows_a_page() {
    let web = client(Template::Gitlife);
    let request = request(&web, "&prompt=none&scope=user_info");
    let signed_in = facts(&web, &request);
    let told = |facts: &Facts| {
        let refusal = refused(next_step(facts));
        assert_eq!(refusal.wire, Wire::Gitlife);
        refusal.code
    };
    assert_eq!(told(&Facts { visitor: None, ..signed_in }), Code::LoginRequired);
    assert_eq!(told(&signed_in), Code::ConsentRequired);
    let unassigned = Visitor { assigned: false, ..VISITOR };
    assert_eq!(told(&Facts { visitor: Some(unassigned), ..signed_in }), Code::AccessDenied);
    let last = scope("user_info");
    assert_eq!(issued(next_step(&Facts { last_consent: Some(&last), ..signed_in })), last);
}

#[test]
fn st_126_prompt_login_wants_a_session_that_began_after_the_request() {
    for prompt in ["login", "login%20select_account", "login%20consent"] {
        let client = client(Template::IdaasOauth2);
        let request = request(&client, &format!("&prompt={prompt}"));
        let at = |created_at| next_step(&Facts { request_created_at: created_at, ..facts(&client, &request) });
        assert!(matches!(at(None), Step::SignIn), "{prompt}");
        assert!(matches!(at(Some(VISITOR.auth_time + 1)), Step::SignIn), "{prompt}");
        assert!(matches!(at(Some(VISITOR.auth_time)), Step::Issue(_)), "{prompt}");
        assert!(matches!(at(Some(VISITOR.auth_time - 1)), Step::Issue(_)), "{prompt}");
    }
}

#[test]
fn an_older_session_is_enough_where_no_sign_in_is_asked_for() {
    let client = client(Template::IdaasOauth2);
    let request = request(&client, "&prompt=consent");
    let facts = Facts { request_created_at: Some(NOW), ..facts(&client, &request) };
    assert_eq!(issued(next_step(&facts)), scope("read"));
}

#[test]
fn fm_62_a_person_who_is_not_assigned_gets_a_page_and_no_code_whatever_was_consented() {
    for template in [Template::Web, Template::Gitlife, Template::IdaasOauth2] {
        let client = client(template);
        let request = request(&client, "");
        let all = client.scopes.clone();
        let facts = Facts {
            visitor: Some(Visitor { assigned: false, ..VISITOR }),
            last_consent: Some(&all),
            consented_now: Some(&all),
            ..facts(&client, &request)
        };
        assert!(matches!(next_step(&facts), Step::NotAssigned), "{template:?}");
    }
}

#[test]
fn fm_63_a_client_that_is_switched_off_gets_nothing_not_even_an_error() {
    let mut client = client(Template::IdaasOauth2);
    let request = request(&client, "&prompt=none");
    client.enabled = false;
    assert!(matches!(next_step(&facts(&client, &request)), Step::ApplicationOff));
    assert!(matches!(next_step(&Facts { visitor: None, ..facts(&client, &request) }), Step::ApplicationOff));
}

#[test]
fn idaas_issues_without_a_page_and_web_after_an_earlier_consent() {
    let idaas = client(Template::IdaasOauth2);
    let idaas_request = request(&idaas, "&scope=read");
    assert_eq!(issued(next_step(&facts(&idaas, &idaas_request))), scope("read"));

    let web = client(Template::Web);
    let web_request = request(&web, "&scope=openid%20email");
    let last = scope("openid email profile");
    let facts = Facts { last_consent: Some(&last), ..facts(&web, &web_request) };
    assert_eq!(issued(next_step(&facts)).to_string(), "openid email");
}

#[test]
fn st_19_st_26_consent_is_asked_when_it_is_due_and_offers_what_was_requested() {
    let spa = client(Template::Spa);
    let challenge = "&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let spa_request = request(&spa, &format!("&scope=email%20openid{challenge}"));
    let all = spa.scopes.clone();
    let facts = Facts { last_consent: Some(&all), ..facts(&spa, &spa_request) };
    match next_step(&facts) {
        Step::Consent(offer) => {
            let names: Vec<_> = offer.rows.iter().map(|row| row.scope.as_str()).collect();
            assert_eq!(names, ["email", "openid"]);
        }
        other => panic!("{other:?}"),
    }

    let gitlife = client(Template::Gitlife);
    let gitlife_request = request(&gitlife, "&scope=user_info%20emails");
    let last = scope("emails keys");
    match next_step(&Facts { request: &gitlife_request, client: &gitlife, last_consent: Some(&last), ..facts }) {
        Step::Consent(offer) => {
            assert_eq!(
                offer.rows.iter().map(|row| (row.ticked, row.fixed)).collect::<Vec<_>>(),
                [(true, true), (true, false)]
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn prompt_consent_asks_again_and_is_satisfied_by_the_ticks() {
    let web = client(Template::Web);
    let request = request(&web, "&scope=openid&prompt=consent");
    let last = scope("openid");
    let facts = Facts { last_consent: Some(&last), ..facts(&web, &request) };
    assert!(matches!(next_step(&facts), Step::Consent(_)));
    assert_eq!(issued(next_step(&Facts { consented_now: Some(&last), ..facts })), last);
}

#[test]
fn st_54_ticks_never_grant_more_than_was_requested_and_registered() {
    let gitlife = client(Template::Gitlife);
    let request = request(&gitlife, "&scope=user_info%20keys%20emails");
    let ticked = scope("emails user_info issues admin");
    let facts = Facts { consented_now: Some(&ticked), ..facts(&gitlife, &request) };
    assert_eq!(issued(next_step(&facts)).to_string(), "user_info emails");
    for nothing in [scope("issues"), ScopeSet::empty()] {
        let refusal = refused(next_step(&Facts { consented_now: Some(&nothing), ..facts }));
        assert_eq!((refusal.code, refusal.wire), (Code::AccessDenied, Wire::Gitlife));
    }
}

#[test]
fn scopes_that_were_unregistered_meanwhile_are_refused() {
    let mut idaas = client(Template::IdaasOauth2);
    let request = request(&idaas, "&scope=read");
    idaas.scopes = scope("write");
    let refusal = refused(next_step(&facts(&idaas, &request)));
    assert_eq!((refusal.code, refusal.wire), (Code::InvalidScope, Wire::Idaas));
}

#[test]
fn the_same_facts_decide_the_same() {
    let client = client(Template::Gitlife);
    let request = request(&client, "");
    let visitor = Visitor { session: id(3), ..VISITOR };
    let facts = Facts { visitor: Some(visitor), request_created_at: Some(NOW), ..facts(&client, &request) };
    assert_eq!(format!("{:?}", next_step(&facts)), format!("{:?}", next_step(&facts)));
}
