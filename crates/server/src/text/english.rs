//! The English sentences.
//!
//! Short, calm, and each says what to do next. No sentence blames the person, none names a cause that an attacker
//! could learn from.

mod browse;
mod git;

use super::{
    Account, AccountWords, Applications, Common, Consent, FormPost, Home, ProblemFrame, ProblemWords, Refused,
    ScopeMeaning, ScopeWords, Setup, SignIn, Text,
};
use crate::pages::problem::{Difference, Problem};
use crate::pages::setup::Fault;
use std::borrow::Cow;

pub(super) static TEXT: Text = Text {
    lang: "en",
    common: Common {
        product: "Vestibule",
        verified: "Verified",
        unverified: "Not verified",
        user_name_or_email: "User name or e-mail",
        password: "Password",
        sign_in: "Sign in",
        sign_out: "Sign out",
        to_start: "Go to the start page",
        title: |page| format!("{page} · Vestibule"),
    },
    sign_in: SignIn {
        title: "Sign in",
        lead: "Welcome. Use the account that your organization gave you.",
        asked_by: "asks you to sign in",
        unverified_note: "Nobody in your organization has checked this application yet.",
        wrong: "That name and password do not go together. Check both and try again.",
    },
    consent: Consent {
        title: "Allow access",
        heading: |application| format!("{application} asks for access to your account"),
        home_page: "Home page",
        unverified_note: "Nobody in your organization has checked this application. Allow it only if you know who runs it.",
        scopes: "It would be able to",
        always: "always included",
        sends_to_site: "Afterwards you are sent to",
        sends_to_this_computer: "Afterwards you are sent to a program on this computer, at",
        sends_to_app: "Afterwards you are sent to an app on this device that opens",
        plain_http: |host| {
            format!("The way to {host} is not encrypted. Others on the network may read what is sent there.")
        },
        signed_in_as: "Signed in as",
        not_you: "Not you?",
        allow: "Allow",
        deny: "Deny",
    },
    scope,
    unknown_scope: |name| format!("Use what the application calls “{name}”"),
    home: Home {
        title: "Start",
        signed_in: "You are signed in",
        administrator: "Administrator",
        signed_in_lead: "Applications that you open can learn here who you are, as far as you or your administrator allow.",
        visitor_heading: "The door to your applications",
        visitor_lead: "Sign in once, for every application that your organization has put behind it.",
        applications: "Applications with access",
        everywhere: "Sign out everywhere",
        everywhere_lead: "On every device, and in every application that has access to your account.",
        sign_out_title: "Sign out",
        sign_out_question: "Sign out of Vestibule?",
        sign_out_asked: |application| format!("{application} asks for it."),
        sign_out_lead: "What applications were given in this browser ends with it. Some may still show you as signed in until you sign out there, too.",
        stay: "Stay signed in",
        signed_out_heading: "You are signed out",
        signed_out_lead: "If others use this computer, close the browser’s windows as well.",
        sign_in_again: "Sign in again",
    },
    applications: Applications {
        title: "Applications with access",
        lead: "You have let these applications use your account.",
        none: "No application has access to your account.",
        may: "It can",
        since: "Last allowed on",
        withdraw: "Withdraw access",
        withdraw_from: |application| format!("Withdraw the access of {application}"),
        after: "Withdrawing ends the access at once. The application has to ask you again.",
    },
    setup: Setup {
        title: "Set up",
        heading: "Create the first administrator",
        lead: "This link works once. Afterwards you manage people and applications with this account.",
        user_name: "User name",
        user_name_hint: "Without spaces and without @.",
        email: "E-mail",
        password_hint: "At least 8 characters. A few words that you can remember are better than one that you cannot.",
        password_again: "Password, once more",
        button: "Create account",
        faults: "Please look again at the marked fields.",
        fault,
        done_heading: "The door is open",
        done_lead: |name| format!("The account {name} is ready. Sign in with the password that you have just chosen."),
    },
    problem,
    problem_frame: ProblemFrame {
        code: "Code",
        reference: "Reference",
        for_developers: "For the application’s developer",
        application: "Application",
        asked: "The request’s redirect_uri",
        asked_none: "none was sent",
        registered: "Registered",
        registered_none: "none",
        compared: "Both are compared byte for byte. Where they begin to differ is marked.",
        difference,
    },
    refused: Refused {
        title: "Not possible like this",
        heading: |application| format!("{application} cannot sign you in like this"),
        happened: "There is a mistake in what it asked of us, so nothing was done.",
        next: "Go back to it and try again. If this page returns, tell its support the code below.",
        back: |application| format!("Back to {application}"),
        not_assigned: |application| format!("You may not use {application} yet"),
    },
    account: Account {
        choose: AccountWords {
            title: "Choose an account",
            heading: |application| format!("Which account do you want to use for {application}?"),
            lead: "You are signed in with this one.",
        },
        somebody_else: AccountWords {
            title: "Another account is asked for",
            heading: |application| format!("{application} expects another account"),
            lead: "It asked for somebody else than the account that is signed in here.",
        },
        go_on: |person| format!("Continue as {person}"),
        another: "Use another account",
        another_note: |person| {
            format!("{person} is signed out first. What applications were given in this browser ends with it.")
        },
    },
    form_post: FormPost {
        title: "One moment",
        heading: |application| format!("On the way to {application}"),
        lead: "If nothing happens, use the button.",
        button: |application| format!("Continue to {application}"),
    },
    git: git::TEXT,
    browse: browse::TEXT,
};

const fn scope(meaning: ScopeMeaning) -> ScopeWords {
    let (what, detail) = match meaning {
        ScopeMeaning::OpenId => ("Know that it is you", "An identifier that stays the same each time you sign in."),
        ScopeMeaning::Profile => ("See your profile", "Your name, user name, language and time zone."),
        ScopeMeaning::Email => ("See your e-mail address", "And whether it has been confirmed."),
        ScopeMeaning::Phone => ("See your phone number", ""),
        ScopeMeaning::OfflineAccess => {
            ("Stay connected", "It keeps this access while you are away, until it is ended.")
        }
        ScopeMeaning::Read => ("Read your account", "Your name, e-mail address, phone number and organization."),
        ScopeMeaning::UserInfo => ("See your profile", "Your name, user name and latest activity."),
        ScopeMeaning::Projects => (
            "View, create and change your projects",
            "Repositories and their files, also at Git hosts through your projects' authorizations.",
        ),
        ScopeMeaning::PullRequests => ("View, publish and change your pull requests", ""),
        ScopeMeaning::Issues => ("View, publish and change your issues", ""),
        ScopeMeaning::Notes => ("View, publish and manage your comments", "In projects and in snippets."),
        ScopeMeaning::Keys => {
            ("View, add and delete your public keys", "Keys open your repositories to who holds them.")
        }
        ScopeMeaning::Hook => ("View, add and change your webhooks", "Webhooks tell other servers what happens here."),
        ScopeMeaning::Groups => ("View and manage your organizations", "And their members."),
        ScopeMeaning::Gists => ("View, change and delete your snippets", ""),
        ScopeMeaning::Enterprises => ("View and manage your enterprises", "And their members."),
        ScopeMeaning::Emails => ("See your private e-mail addresses", ""),
        ScopeMeaning::GitAuthorizations => (
            "View, create and delete authorizations at Git hosts",
            "In the projects that you are in. It can use their tokens, and what it deletes is gone for everybody there.",
        ),
    };
    ScopeWords { what, detail }
}

const fn fault(fault: Fault) -> &'static str {
    match fault {
        Fault::UserName => "Choose a user name of 1 to 100 characters, without spaces and without @.",
        Fault::UserNameTaken => "Somebody has this user name already. Choose another.",
        Fault::Email => "Give an e-mail address, such as ada@example.org.",
        Fault::EmailTaken => "Somebody has this e-mail address already. Give another.",
        Fault::PasswordShort => "Choose a password of at least 8 characters.",
        Fault::PasswordLong => "Choose a password of at most 1,024 bytes.",
        Fault::PasswordsDiffer => "The two passwords are not the same. Type both again.",
    }
}

const fn difference(difference: Difference) -> &'static str {
    match difference {
        Difference::Missing => {
            "Several addresses are registered, so the request must name one of them as redirect_uri."
        }
        Difference::TrailingSlash => "They differ only in the slash at the end.",
        Difference::Case => "They differ only in capital and small letters.",
        Difference::Scheme => "They differ in the scheme: look at http and https.",
        Difference::Host => "They differ in the host or the port.",
        Difference::Rest => "They differ in what comes after the host.",
    }
}

fn problem(problem: Problem) -> ProblemWords {
    let (heading, happened, next) = match problem {
        Problem::UnknownApplication => (
            "This application is not known here",
            "You were sent here by an application that is not registered, so you cannot be signed in to it.",
            "Go back to the application and tell its support the code below.",
        ),
        Problem::ApplicationDisabled => (
            "This application is switched off",
            "An administrator has switched it off. Nobody can sign in to it at the moment.",
            "Ask your administrator when it will be back.",
        ),
        Problem::WrongCallback => (
            "This application asked for the wrong way back",
            "The address to which it wants you sent is not registered for it. To keep you safe, you stay here.",
            "Nothing is wrong with your account. Tell the application’s support the code below.",
        ),
        Problem::InvalidRequest => (
            "This request cannot be understood",
            "The application that sent you here made a mistake in its request.",
            "Go back and try again. If this page returns, tell the application’s support the code below.",
        ),
        Problem::RequestUnknown => (
            "This page belongs to another visit",
            "The sign-in that it was part of is gone, or was begun in another browser.",
            "Go back to the application and start again from there.",
        ),
        Problem::RequestExpired => (
            "This sign-in waited too long",
            "It was begun more than half an hour ago and has ended for your safety.",
            "Go back to the application and start again from there.",
        ),
        Problem::AlreadySentBack => (
            "You were already sent back",
            "This request has been answered, and an answer is given only once.",
            "Go on in the application. If you are not signed in there, start again from there.",
        ),
        Problem::NotAssigned => (
            "You may not use this application yet",
            "Your sign-in is fine, but your account has not been given access to this application.",
            "Ask your administrator for access to it, then open the application again.",
        ),
        Problem::FormStale => (
            "This form is too old",
            "The page was open for a long time, came from elsewhere, or your browser does not keep cookies.",
            "Go back, load the page again, and allow cookies for this site if they are switched off.",
        ),
        Problem::TooManyRequests { wait_s } => {
            return ProblemWords {
                heading: "Please wait a moment",
                happened: "More requests came from your network, or to this application, than we answer at once.",
                next: try_again(wait_s),
            };
        }
        Problem::TooManyTries { wait_s } => {
            return ProblemWords {
                heading: "Please wait a moment",
                happened: "There were too many tries to sign in with this name or from your network, so that the next one has to wait. Yours was not looked at: it may have been right.",
                next: try_again(wait_s),
            };
        }
        Problem::Busy => (
            "Many people are signing in right now",
            "There is a queue, and it is full. Nothing of what you typed was wrong.",
            "Try again in a few seconds.",
        ),
        Problem::NotFound => {
            ("There is nothing here", "No page has this address.", "Check the address, or go to the start page.")
        }
        Problem::MethodNotAllowed => (
            "This address works another way",
            "The address is right, but it cannot be used like this.",
            "Go back to the page that you came from and try again.",
        ),
        Problem::TooLarge => {
            ("That was too much at once", "What was sent is larger than we read.", "Go back and send less.")
        }
        Problem::SetupLinkUnusable => (
            "This setup link does not work",
            "It was used before, is more than an hour old, or is not complete.",
            "If there is no administrator yet, run “vestibule setup-link” on the server for a new one.",
        ),
        Problem::GitWayOver
        | Problem::GitWayUsed
        | Problem::GitWayForeign
        | Problem::GitDenied
        | Problem::GitHostFailed
        | Problem::GitNotKept
        | Problem::GitNotAllowed
        | Problem::GitTooManyTries => git::problem(problem),
        Problem::Unavailable => (
            "We cannot reach our memory",
            "The database does not answer at the moment. Nothing of yours is lost.",
            "Try again in a few seconds. If it lasts, tell your administrator.",
        ),
        Problem::ServerError => (
            "Something went wrong on our side",
            "It is not your fault, and it has been written down.",
            "Try again. If it happens again, tell your administrator the reference below.",
        ),
    };
    ProblemWords { heading, happened, next: next.into() }
}

fn try_again(wait_s: u32) -> Cow<'static, str> {
    match wait_s {
        0 | 1 => "Try again in a second.".into(),
        _ => format!("Try again in {wait_s} seconds.").into(),
    }
}
