//! `vestibule git-credential`: what it says to git and to people, and real git that clones and pushes with nothing else.

mod protocol;
mod real_git;
mod workshop;
