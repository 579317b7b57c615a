//! Somebody's machine with git on it, and the fake hosts with real repositories behind them.

use crate::git_auths::scene::Scene;
use crate::githosts::backend::{Backend, probe};
use crate::harness::AccessKey;
use crate::harness::process::{Litter, run};
use crate::harness::server::program;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A home directory with a secret file in it.
pub struct Workshop {
    pub home: Litter,
    pub secret_file: PathBuf,
}

/// What a command left behind.
#[derive(Debug)]
pub struct Done {
    pub ok: bool,
    pub out: String,
    pub err: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Done {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Done { ok: output.status.success(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Workshop {
    /// One in which this is what its owner signs in with.
    pub fn with(secret: &Value) -> Workshop {
        let home = Litter::new();
        let secret_file = home.path.join("vestibule.json");
        let workshop = Workshop { home, secret_file };
        workshop.keep(secret);
        workshop
    }

    /// One in which ada signs in with an access key.
    pub fn of_ada(scene: &Scene) -> Workshop {
        let key = AccessKey::add(&scene.server, &scene.ada.name);
        Workshop::with(&json!({ "access_key": key.name, "secret": key.secret, "person": scene.ada.name }))
    }

    /// Writes the secret file.
    pub fn keep(&self, secret: &Value) {
        std::fs::write(&self.secret_file, secret.to_string()).expect("a file");
        self.mode(0o600);
    }

    pub fn mode(&self, mode: u32) {
        std::fs::set_permissions(&self.secret_file, std::fs::Permissions::from_mode(mode)).expect("a mode");
    }

    /// Writes the configuration of git: who commits, and these lines.
    pub fn configure(&self, lines: &str) {
        let who = "[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n";
        std::fs::write(self.home.path.join("gitconfig"), format!("{who}{lines}")).expect("a file");
    }

    /// The line of git's configuration that names the helper.
    pub fn helper(&self, scene: &Scene, more: &str) -> String {
        let (program, file) = (program().get_program().display().to_string(), self.secret_file.display());
        let (server, project) = (&scene.server.url, &scene.project);
        format!(
            "\thelper = \"!'{program}' git-credential --server {server} --project {project} --secret-file '{file}' {more}\"\n"
        )
    }

    /// Configures nothing but the helper, for this host.
    pub fn helps_at(&self, scene: &Scene, host: &str) {
        self.configure(&format!("[credential \"{host}\"]\n{}", self.helper(scene, "")));
    }

    /// Runs git in a directory of this machine.
    pub fn git(&self, directory: &Path, arguments: &[&str]) -> Done {
        let mut command = Command::new("git");
        command.current_dir(directory).args(arguments);
        self.dress(&mut command);
        command.env("GIT_CONFIG_GLOBAL", self.home.path.join("gitconfig")).env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("GIT_TERMINAL_PROMPT", "0").env_remove("GIT_ASKPASS").env_remove("SSH_ASKPASS");
        run(&mut command, "").into()
    }

    /// The same; panics unless it succeeds.
    #[track_caller]
    pub fn does(&self, directory: &Path, arguments: &[&str]) -> String {
        let done = self.git(directory, arguments);
        assert!(done.ok, "git {}: {} {}", arguments.join(" "), done.out, done.err);
        done.out
    }

    /// The helper by itself, as git calls it.
    pub fn help(&self, arguments: &[&str], input: &str) -> Done {
        self.help_in(&[], arguments, input)
    }

    /// The same with these variables in its environment.
    pub fn help_in(&self, variables: &[(&str, &str)], arguments: &[&str], input: &str) -> Done {
        let mut command = program();
        command.arg("git-credential").args(arguments);
        self.dress(&mut command);
        command.envs(variables.iter().copied());
        run(&mut command, input).into()
    }

    fn dress(&self, command: &mut Command) {
        command.env("HOME", &self.home.path).env_remove("XDG_CONFIG_HOME");
        for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(name);
        }
    }

    /// A directory of this machine, made when it is not there.
    pub fn directory(&self, name: &str) -> PathBuf {
        let path = self.home.path.join(name);
        std::fs::create_dir_all(&path).expect("a directory");
        path
    }
}

/// Real repositories behind the fake GitHub; gives the one that `octocat/app` is cloned from.
pub fn at_github(scene: &Scene) -> (Backend, String) {
    let ask = |token: &str| probe("/api/v3/user", &[], Some(format!("Bearer {token}")));
    let backend = Backend::new("", None, ask);
    scene.github.serves_git(&backend);
    let path = backend.add("octocat/app");
    (backend, format!("{}{path}", scene.github.url()))
}

/// The same behind the fake Gitee.
pub fn at_gitee(scene: &Scene) -> (Backend, String) {
    let backend = Backend::new("", None, |token| probe("/api/v5/user", &[("access_token", token)], None));
    scene.gitee.serves_git(&backend);
    let path = backend.add("cat/app");
    (backend, format!("{}{path}", scene.gitee.url()))
}

/// The same behind the fake GitLab, which lies below a path and wants to be told that it is an OAuth token.
pub fn at_gitlab(scene: &Scene) -> (Backend, String) {
    let ask = |token: &str| probe("/gitlab/api/v4/user", &[], Some(format!("Bearer {token}")));
    let backend = Backend::new("/gitlab", Some("oauth2"), ask);
    scene.gitlab.serves_git(&backend);
    let path = backend.add("root/app");
    (backend, format!("http://{}{path}", scene.gitlab.authority))
}
