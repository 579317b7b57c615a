//! The one stylesheet and the icon, under addresses that change with their content.
//!
//! Owns their bytes and addresses. A page names the address with the hash, so that a browser may keep the file for
//! ever and still sees a new one at once.

use crate::pages::problem::Problem;
use crate::web::answer;
use crate::web::form::Received;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use std::sync::LazyLock;
use vestibule_oauth::secret::Digest;

/// A file that pages load.
pub struct Asset {
    /// Its address, with the first ten digits of its SHA-256.
    pub path: String,
    /// Its media type.
    pub content_type: &'static str,
    /// Its bytes.
    pub body: &'static [u8],
}

static SHEET: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("style", "css", "text/css; charset=utf-8", include_bytes!("../../assets/style.css")));
static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_bytes!("../../assets/icon.svg")));

impl Asset {
    fn new(stem: &str, ending: &str, content_type: &'static str, body: &'static [u8]) -> Asset {
        let digest = Digest::of(body);
        let hash: String = digest.as_bytes().iter().take(5).map(|b| format!("{b:02x}")).collect();
        Asset { path: format!("/assets/{stem}.{hash}.{ending}"), content_type, body }
    }
}

/// The stylesheet's address.
pub fn sheet_path() -> &'static str {
    &SHEET.path
}

/// The icon's address.
pub fn icon_path() -> &'static str {
    &ICON.path
}

/// The file at an address below `/assets/`, by its whole path. The plain names (`/assets/style.css`) are known too,
/// for people; they are not to be kept by a browser.
pub fn asset(path: &str) -> Option<(&'static Asset, Keep)> {
    match path {
        "/assets/style.css" => Some((&SHEET, Keep::Ask)),
        "/assets/icon.svg" => Some((&ICON, Keep::Ask)),
        _ => [&*SHEET, &*ICON].into_iter().find(|a| a.path == path).map(|a| (a, Keep::Forever)),
    }
}

/// How long a browser may keep an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The address has the content's hash in it.
    Forever,
    /// The address stays while the content changes.
    Ask,
}

/// `GET /assets/{file}`: the stylesheet and the icon.
pub async fn serve(received: Received) -> Response {
    let Some((asset, keep)) = asset(&received.path) else {
        return answer::problem(Problem::NotFound, &received.request_id);
    };
    let mut response = Response::new(Body::from(asset.body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static(match keep {
            Keep::Forever => "public, max-age=31536000, immutable",
            Keep::Ask => "no-cache",
        }),
    );
    response
}
