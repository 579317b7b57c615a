//! The pages in real Chromium: what people see and press, with and without JavaScript.

mod applications;
mod flow;
mod framing;
mod hostile;
mod looks;
