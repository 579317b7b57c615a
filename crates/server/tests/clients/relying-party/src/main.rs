//! The `openidconnect` crate, unmodified, as an application would use it: discovery, code with PKCE by form_post, userinfo,
//! refresh, two rotations of the provider's keys, logout.
//!
//! Gets its settings as one JSON argument. Prints {"openN": URL} when a browser should go to URL, {"rotateN": …} when the
//! provider should change its keys before that, {"logout": URL}, and {"results": …}.

use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreIdTokenClaims, CoreTokenResponse, CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PostLogoutRedirectUrl,
    ProviderMetadataWithLogout, RedirectUrl, Scope, TokenResponse, reqwest,
};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::time::Duration;
use url::Url;

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;
type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let settings = std::env::args().nth(1).ok_or("settings are missing")?;
    let mut party = Party::new(serde_json::from_str(&settings)?)?;
    let mut results = json!({});

    // Signs in, and looks at everything that came.
    let (first, nonce) = party.sign_in(0)?;
    let client = party.client()?;
    let claims = verified(&client, &first, &nonce)?;
    results["sub"] = claims.subject().as_str().into();
    results["issuer"] = claims.issuer().as_str().into();
    results["auth_time"] = claims.auth_time().is_some().into();
    results["wrong_nonce"] = verified(&client, &first, &Nonce::new("another".into())).is_err().into();
    results["alg"] = header(&first)?["alg"].clone();
    let person: CoreUserInfoClaims =
        client.user_info(first.access_token().clone(), Some(claims.subject().clone()))?.request(&party.http)?;
    results["email"] = person.email().map(|email| email.as_str()).into();
    results["userinfo_sub"] = person.subject().as_str().into();

    // A refresh gives tokens for the same person; an ID token beside them is verified without a nonce to compare.
    let old = first.refresh_token().ok_or("no refresh token")?;
    let refreshed: CoreTokenResponse = client.exchange_refresh_token(old)?.request(&party.http)?;
    results["refreshed"] = (refreshed.access_token().secret() != first.access_token().secret()).into();
    if let Some(token) = refreshed.id_token() {
        let again = token.claims(&client.id_token_verifier(), |_: Option<&Nonce>| Ok(()))?;
        results["refreshed_sub"] = again.subject().as_str().into();
    }

    // The next key was in the key set already, so that a client that holds the old set verifies what it signs.
    say(json!({"rotate0": true}));
    let (second, nonce) = party.sign_in(1)?;
    results["another_key"] = (header(&second)?["kid"] != header(&first)?["kid"]).into();
    results["kept_keys_suffice"] = verified(&client, &second, &nonce).is_ok().into();

    // A rotation at once is another matter: the client must fetch the keys again, and old tokens verify with those too.
    say(json!({"rotate1": true}));
    let (third, nonce) = party.sign_in(2)?;
    results["third_key"] = (header(&third)?["kid"] != header(&second)?["kid"]).into();
    results["kept_keys_know_it"] = verified(&client, &third, &nonce).is_ok().into();
    party.metadata = discover(&party.settings, &party.http)?;
    let client = party.client()?;
    verified(&client, &third, &nonce)?;
    let old = first.id_token().ok_or("no ID token")?;
    results["old_token_verifies"] = old.claims(&client.id_token_verifier(), |_: Option<&Nonce>| Ok(())).is_ok().into();

    party.log_out(&third, &mut results)?;
    say(json!({"results": results}));
    Ok(())
}

/// The application: what it was told, what it discovered, and where browsers come back to.
struct Party {
    settings: Value,
    http: reqwest::blocking::Client,
    metadata: ProviderMetadataWithLogout,
    listener: TcpListener,
}

impl Party {
    fn new(settings: Value) -> Outcome<Party> {
        let http = reqwest::blocking::ClientBuilder::new().redirect(reqwest::redirect::Policy::none()).build()?;
        let metadata = discover(&settings, &http)?;
        let address = Url::parse(text(&settings, "redirect_uri"))?;
        let listener = TcpListener::bind(&*address.socket_addrs(|| None)?)?;
        Ok(Party { settings, http, metadata, listener })
    }

    fn client(&self) -> Outcome<Client> {
        let id = ClientId::new(text(&self.settings, "client_id").into());
        let secret = ClientSecret::new(text(&self.settings, "client_secret").into());
        let redirect = RedirectUrl::new(text(&self.settings, "redirect_uri").into())?;
        Ok(CoreClient::from_provider_metadata(self.metadata.clone(), id, Some(secret)).set_redirect_uri(redirect))
    }

    /// Sends a browser to sign in and trades the code that it brings.
    fn sign_in(&self, number: usize) -> Outcome<(CoreTokenResponse, Nonce)> {
        let client = self.client()?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(["email", "offline_access"].map(|name| Scope::new(name.into())))
            .set_pkce_challenge(challenge)
            .set_max_age(Duration::from_secs(3600))
            .add_extra_param("response_mode", "form_post")
            .url();
        say(json!({format!("open{number}"): url}));
        let came = self.wait_at("redirect_uri", "POST")?;
        if came.get("state") != Some(state.secret()) || came.get("iss") != Some(&self.metadata.issuer().to_string()) {
            return Err(format!("an answer to something else: {came:?}").into());
        }
        let code = AuthorizationCode::new(came.get("code").ok_or("no code")?.clone());
        Ok((client.exchange_code(code)?.set_pkce_verifier(verifier).request(&self.http)?, nonce))
    }

    /// Signs the person out at the provider, and asks whether somebody is still signed in there.
    fn log_out(&self, tokens: &CoreTokenResponse, results: &mut Value) -> Outcome<()> {
        let end = self.metadata.additional_metadata().end_session_endpoint.clone().ok_or("no end_session_endpoint")?;
        let state = CsrfToken::new_random();
        let url = LogoutRequest::from(end)
            .set_id_token_hint(tokens.id_token().ok_or("no ID token")?)
            .set_client_id(ClientId::new(text(&self.settings, "client_id").into()))
            .set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(text(&self.settings, "after_logout").into())?)
            .set_state(state.clone())
            .http_get_url();
        say(json!({"logout": url}));
        results["logged_out"] = (self.wait_at("after_logout", "GET")?.get("state") == Some(state.secret())).into();
        let (url, ..) = self
            .client()?
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .set_pkce_challenge(PkceCodeChallenge::new_random_sha256().0)
            .add_extra_param("prompt", "none")
            .add_extra_param("response_mode", "form_post")
            .url();
        say(json!({"silent": url}));
        results["afterwards"] = self.wait_at("redirect_uri", "POST")?.get("error").cloned().into();
        Ok(())
    }

    /// What a browser brings to the address that the settings call `name`.
    fn wait_at(&self, name: &str, method: &str) -> Outcome<HashMap<String, String>> {
        let address = Url::parse(text(&self.settings, name))?;
        loop {
            let (mut stream, _) = self.listener.accept()?;
            let mut reader = BufReader::new(&stream);
            let (mut line, mut length) = (String::new(), 0);
            reader.read_line(&mut line)?;
            loop {
                let mut header = String::new();
                reader.read_line(&mut header)?;
                let header = header.trim_end().to_ascii_lowercase();
                if let Some(value) = header.strip_prefix("content-length:") {
                    length = value.trim().parse()?;
                }
                if header.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            let page = "<!doctype html><title>client</title><p id=client>back at the client";
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{page}",
                page.len()
            )?;
            let mut words = line.split_whitespace();
            if words.next() != Some(method) {
                continue;
            }
            let asked = address.join(words.next().unwrap_or_default())?;
            if asked.path() == address.path() {
                let form = url::form_urlencoded::parse(&body).into_owned();
                return Ok(form.chain(asked.query_pairs().into_owned()).collect());
            }
        }
    }
}

fn discover(settings: &Value, http: &reqwest::blocking::Client) -> Outcome<ProviderMetadataWithLogout> {
    Ok(ProviderMetadataWithLogout::discover(&IssuerUrl::new(text(settings, "issuer").into())?, http)?)
}

/// The claims of the ID token, once it and the access token beside it are what they should be.
fn verified(client: &Client, tokens: &CoreTokenResponse, nonce: &Nonce) -> Outcome<CoreIdTokenClaims> {
    let token: &CoreIdToken = tokens.id_token().ok_or("no ID token")?;
    let verifier = client.id_token_verifier();
    let claims = token.claims(&verifier, nonce)?;
    let expected = claims.access_token_hash().ok_or("no at_hash")?;
    let (alg, key) = (token.signing_alg()?, token.signing_key(&verifier)?);
    if AccessTokenHash::from_token(tokens.access_token(), alg, key)? != *expected {
        return Err("at_hash is another token's".into());
    }
    Ok(claims.clone())
}

/// The header of the ID token.
fn header(tokens: &CoreTokenResponse) -> Outcome<Value> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let token = tokens.id_token().ok_or("no ID token")?.to_string();
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap_or_default())?)?)
}

fn text<'a>(settings: &'a Value, name: &str) -> &'a str {
    settings[name].as_str().unwrap_or_default()
}

fn say(what: Value) {
    println!("{what}");
}
