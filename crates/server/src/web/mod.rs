//! What every conductor needs of HTTP: reading what came (`form`, `large_body`, `segments`), telling who sent it (`caller`, `browser`,
//! `project_caller`, `credential`, `aksk`, `cors`), shaping what goes out (`answer`, `servicestage`, `keystone`, `departure`, `entity`), the door that every request walks through (`door`) and its limits (`guard`,
//! `guessing`).

pub mod access_key;
pub mod access_token;
pub mod aksk;
pub mod answer;
pub mod browser;
pub mod by_get;
pub mod caller;
pub mod client;
pub mod cors;
pub mod credential;
pub mod departure;
pub mod door;
pub mod entity;
pub mod form;
pub mod guard;
pub mod guessing;
pub mod keystone;
pub mod large;
pub mod large_body;
pub mod project_caller;
pub mod segments;
pub mod servicestage;
