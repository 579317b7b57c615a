//! The pages in real Chromium: what people see and press, with and without JavaScript.

mod flow;
mod framing;
mod hostile;
mod looks;
