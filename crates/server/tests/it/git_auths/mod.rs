//! `/v1/{project_id}/git/auths…` and the way to a Git host and back: the six calls, the landing page, and attacks on both.

mod attacks;
mod binding;
mod browser;
mod calls;
mod credentials;
mod endings;
mod gitlab;
mod landing;
mod leaks;
mod portal;
mod renewals;
mod renewals_lost;
mod renewals_meanwhile;
pub mod scene;
mod tries;
mod unknown;
