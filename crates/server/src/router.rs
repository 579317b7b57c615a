//! All addresses of the server, on one page.
//!
//! Owns which conductor answers where. What every answer carries is the door's, which stands before it; who may ask is
//! each conductor's.

use crate::api::{git_auths, git_credentials, git_files, git_repos, gitlife, idaas, projects, tokens};
use crate::app::App;
use crate::endpoints::{authorize, health, introspect, jwks, logout, metadata, revoke, token, userinfo};
use crate::pages;
use crate::web::{cors, door};
use axum::Router;
use axum::routing::{MethodRouter, delete, get, post};
use std::sync::Arc;

/// The addresses that metadata tells of; the same constants are routed below.
pub mod path {
    pub const AUTHORIZE: &str = "/oauth/authorize";
    pub const TOKEN: &str = "/oauth/token";
    pub const REVOKE: &str = "/oauth/revoke";
    pub const INTROSPECT: &str = "/oauth/introspect";
    pub const USERINFO: &str = "/oauth/userinfo";
    pub const JWKS: &str = "/oauth/jwks";
    pub const LOGOUT: &str = "/oauth/logout";
    pub const METADATA: &str = "/.well-known/oauth-authorization-server";
    pub const DISCOVERY: &str = "/.well-known/openid-configuration";
}

/// Everything that this server serves.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        // The protocol
        .route(path::AUTHORIZE, get(authorize::begin).post(authorize::begin).head(authorize::no_head))
        .route("/oauth/authorize/{id}", get(authorize::visit).post(authorize::visit).head(authorize::no_head))
        .route(path::TOKEN, post(token::answer).options(cors::preflight))
        .route(path::REVOKE, post(revoke::answer).options(cors::preflight))
        .route(path::INTROSPECT, post(introspect::answer))
        .route(path::USERINFO, get(userinfo::answer).post(userinfo::answer).options(cors::preflight))
        .route(path::JWKS, get(jwks::answer).options(cors::preflight))
        .route(path::LOGOUT, get(logout::begin).post(logout::begin).head(authorize::no_head))
        .route(path::METADATA, get(metadata::answer).options(cors::preflight))
        .route(path::DISCOVERY, get(metadata::answer).options(cors::preflight))
        // The resources of the two vendors' wires
        .route("/api/bff/v1/oauth2/userinfo", get(idaas::userinfo))
        .route("/api/bff/v1.2/oauth2/userinfo", get(idaas::userinfo))
        .route("/api/v5/user", get(gitlife::user))
        .route("/api/v5/emails", get(gitlife::emails))
        // The Git API of a project
        .route(git_auths::path::LIST, get(git_auths::list))
        .route(git_auths::path::ONE, delete(git_auths::delete))
        .route(git_auths::path::REDIRECT, get(git_auths::redirect))
        .route(git_auths::path::OAUTH, post(git_auths::oauth))
        .route(git_auths::path::PERSONAL, post(git_auths::personal))
        .route(git_auths::path::PASSWORD, post(git_auths::password))
        .route(git_credentials::PATH, post(git_credentials::hand_out))
        .route(git_credentials::REFUSED, post(git_credentials::refused))
        .route(git_repos::path::NAMESPACES, get(git_repos::namespaces))
        .route(git_repos::path::PROJECT_INFO, get(git_repos::project_info))
        .route(git_repos::path::PROJECTS, get(git_repos::projects).post(git_repos::create_project))
        .route(git_repos::path::BRANCHES, get(git_repos::branches))
        .route(git_repos::path::TAGS, get(git_repos::tags).post(git_repos::create_tag))
        .route(git_repos::path::TAG, delete(git_repos::delete_tag))
        .route(git_repos::path::COMMITS, get(git_repos::commits))
        .route(git_repos::path::HOOKS, get(git_repos::hooks).post(git_repos::create_hook))
        .route(git_repos::path::HOOK, delete(git_repos::delete_hook))
        // A file called `trees` can be written under its name, though not read.
        .route(git_files::path::TREES, file().get(git_files::tree))
        .route(git_files::path::FILE, file().get(git_files::read))
        // The identity calls beside the project API
        .route("/v3/auth/tokens", post(tokens::give).get(tokens::show).delete(tokens::end))
        .route("/v3/auth/domains", get(projects::domains))
        .route("/v3/projects", get(projects::list))
        // Pages
        .route("/", get(pages::home::show))
        .route("/sign-in", get(pages::home::sign_in_page).post(pages::home::sign_in))
        .route("/sign-out", get(pages::signed_out::ask).post(pages::signed_out::leave))
        .route("/signed-out", get(pages::signed_out::show))
        .route("/applications", get(pages::applications::show).post(pages::applications::withdraw))
        .route("/git", get(pages::git::acts::projects).post(pages::git::acts::act))
        .route("/git/{project}", get(pages::git::acts::show).post(pages::git::acts::act))
        .route("/git/{project}/browse/{authorization}", get(pages::git::browse::show).post(pages::git::browse::sign_in))
        .route("/git/callback/{host}", get(pages::git::land).post(pages::git::act).head(authorize::no_head))
        .route("/setup/{link}", get(pages::setup::show).post(pages::setup::accept))
        .route("/applications/{client_id}/logo", get(pages::logo::serve))
        .route("/assets/{file}", get(pages::style::serve))
        // The process
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/healthz", get(health::ready))
        .route("/robots.txt", get(health::robots))
        .fallback(door::nothing_here)
        .method_not_allowed_fallback(door::wrong_method)
        .with_state(app)
}

/// What can be done to a file but reading it.
fn file() -> MethodRouter<Arc<App>> {
    post(git_files::create).put(git_files::update).delete(git_files::delete)
}
