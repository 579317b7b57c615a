//! The pages in real Chromium: what people see and press, with and without JavaScript.

mod applications;
mod flow;
mod form_post;
mod framing;
mod hostile;
mod looks;
