//! Names that callers give, and that none of them leaves the place where it is put in an address.

use crate::player::Host;
use proptest::prelude::*;
use vestibule_githost::address::{BadBase, Base};
use vestibule_githost::errand::Step;
use vestibule_githost::host::Place;
use vestibule_githost::names::{BlobSha, Content, FilePath, HookId, Message, Namespace, NewName, Project, Ref};
use vestibule_githost::registry;

#[test]
fn a_colon_is_a_slash_and_so_is_a_slash_that_was_encoded() {
    assert_eq!(FilePath::parse("src:main:a b.txt").unwrap().as_str(), "src/main/a b.txt");
    assert_eq!(FilePath::parse("src/main").unwrap().as_str(), "src/main");
    assert_eq!(Namespace::parse("group:team").unwrap().as_str(), "group/team");
    assert_eq!(Project::parse("group:team:demo").unwrap().below("Group/Team"), "demo");
    assert_eq!(Project::parse("team:demo").unwrap().below("group"), "team/demo");
    assert_eq!(Project::parse("groupdemo").unwrap().below("group"), "groupdemo");
    assert_eq!(Project::parse("group").unwrap().below("group"), "group");
}

#[test]
fn dot_segments_empty_parts_and_control_characters_are_no_names() {
    for text in ["", ".", "..", "a:..", "..:a", "a/../b", "a::b", ":a", "a:", "a\nb", "a\0b", "a/./b", "/"] {
        assert!(FilePath::parse(text).is_err(), "{text:?}");
        assert!(Namespace::parse(text).is_err() && Project::parse(text).is_err(), "{text:?}");
    }
    assert!(FilePath::parse(&"x".repeat(1025)).is_err());
    for text in ["...", "..a", "a..", ".github", "ü", "100%", "a\\b"] {
        assert!(FilePath::parse(text).is_ok(), "{text:?}");
    }
}

#[test]
fn no_part_of_a_path_is_gits_own_folder_however_it_is_spelled() {
    for text in [
        ".git",
        ".GIT",
        ".Git:config",
        "a:.git:hooks:x",
        "a/.gIt",
        ".git.",
        ".git ",
        ".git. .",
        ".git\\config",
        ".git::$INDEX_ALLOCATION",
        ".git.:config",
        "git~1",
        "GIT~1:config",
        "a:git~1",
    ] {
        assert!(FilePath::parse(text).is_err(), "{text:?}");
    }
    for text in [
        ".github:workflows:ci.yml",
        ".gitignore",
        ".gitmodules",
        ".git-x",
        ".git x",
        "x.git",
        "a.git:b",
        "git",
        "git~2",
        "git~10",
        ".gi",
        ".gït",
        "..git",
        " .git",
    ] {
        assert!(FilePath::parse(text).is_ok(), "{text:?}");
    }
    // How a host calls its namespaces and projects is its own affair.
    assert!(Namespace::parse("git~1").is_ok() && Project::parse("git~1").is_ok());
}

#[test]
fn base64_may_be_broken_into_lines_and_is_kept_without_the_breaks() {
    let read = |text: &str| Content::parse(text).map(|content| content.as_str().to_owned());
    for text in ["aGVsbG8=", "aGVs\nbG8=", "aGVs\r\nbG8=", "aGVsbG8=\n", "aGVs\nbG8=\r\n", "aGVsb\nG8=", "aGVsbG8\n=\n"]
    {
        assert_eq!(read(text).unwrap(), "aGVsbG8=", "{text:?}");
    }
    for text in [
        "\n",
        "\naGVsbG8=",
        "aGVs\n\nbG8=",
        "aGVsbG8=\n\n",
        "aGVs\rbG8=",
        "aGVsbG8=\r",
        "aGVs\r\r\nbG8=",
        "aGVs bG8=",
        "aGVs\n bG8=",
        "aGVs\tbG8=",
        "aGVs\u{2028}bG8=",
        "aGk=\naGk=",
        "aGVs\nbG8",
        "aGVs\\nbG8=",
    ] {
        assert!(read(text).is_err(), "{text:?}");
    }
    // The bound is the content's, however it is broken.
    let wrapped = |bytes: usize| {
        let lines = "A".repeat(bytes.div_ceil(3) * 4);
        lines.as_bytes().chunks(60).map(|line| format!("{}\n", str::from_utf8(line).unwrap())).collect::<String>()
    };
    assert!(read(&wrapped((8 << 20) - 2)).is_ok());
    assert!(read(&wrapped((8 << 20) + 4)).is_err());
}

#[test]
fn refs_follow_gits_own_rules() {
    for text in [
        "main",
        "feature/x",
        "v1.0",
        "HEAD",
        "refs/heads/main",
        "6dcb09b5b57875f334f61aebed695e2e4193db5e",
        "猫",
        "a@b",
    ] {
        assert!(Ref::parse(text).is_ok(), "{text}");
    }
    for text in [
        "", "-x", "a..b", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[b", "a\\b", "a@{1}", "/a", "a/", "a//b", ".a",
        "a/.b", "a.lock", "a.", "a\nb",
    ] {
        assert!(Ref::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn ids_shas_names_and_contents_are_exact() {
    assert!(HookId::parse("1573").is_ok());
    assert!(["", "-1", "1a", "../1", "٣", "99999999999999999999"].iter().all(|text| HookId::parse(text).is_err()));
    let sha = "95b966ae1c166bd92f8ae7d1c313e738c731dfc3";
    assert!(BlobSha::parse(sha).is_ok() && BlobSha::parse(&"a".repeat(64)).is_ok());
    assert!([&sha[1..], &sha.to_uppercase(), "", "main"].iter().all(|text| BlobSha::parse(text).is_err()));
    assert!(NewName::parse("my.demo_1-x").is_ok());
    assert!(["", ".x", "-x", "a/b", "a b", "x.git", "ü", ".."].iter().all(|text| NewName::parse(text).is_err()));
    assert!(Content::parse("").is_ok() && Content::parse("bmV3Cg==").is_ok());
    assert!(["bmV3Cg", "bmV3Cg===", "!", "-_"].iter().all(|text| Content::parse(text).is_err()));
    assert!(Content::parse(&"A".repeat((12 << 20) + 4)).is_err());
}

#[test]
fn a_base_url_is_an_origin_and_a_path() {
    for (text, spelled) in [
        ("https://GitHub.com", "https://github.com"),
        ("https://github.com/", "https://github.com"),
        ("https://192.168.1.1:8080/gitlab/", "https://192.168.1.1:8080/gitlab"),
        ("http://localhost:80", "http://localhost"),
    ] {
        assert_eq!(Base::parse(text).unwrap().as_str(), spelled);
    }
    for (text, why) in [
        ("github.com", BadBase::NotAbsolute),
        ("ftp://github.com", BadBase::Scheme),
        ("file:///etc", BadBase::Scheme),
        ("https://me@github.com", BadBase::UserInfo),
        ("https://me:x@github.com", BadBase::UserInfo),
        ("https://github.com?x", BadBase::Tail),
        ("https://github.com#x", BadBase::Tail),
        ("https://github.com/a/../b", BadBase::DotSegment),
        ("https://github.com/%2E%2e/b", BadBase::DotSegment),
        ("https://github.com\\@evil.example", BadBase::Character),
        ("https://github.com/a b", BadBase::Character),
        ("https://github.com\n", BadBase::Character),
    ] {
        assert_eq!(Base::parse(text).unwrap_err(), why, "{text}");
    }
}

#[test]
fn st_123_an_issuer_is_a_hosts_own_or_another_ones() {
    let site = |web: &str| registry::find("github").unwrap().site(Base::parse(web).unwrap());
    let (public, own) = (site("https://github.com"), site("https://git.example.org/github"));
    for iss in ["https://github.com", "https://github.com/", "https://github.com/login/oauth"] {
        assert!(public.may_be_issuer(iss), "{iss}");
    }
    assert!(own.may_be_issuer("https://git.example.org/github/login/oauth"));
    for iss in [
        "",
        "github.com",
        "http://github.com",
        "https://github.com.evil.example",
        "https://github.com:8443",
        "https://a@github.com",
        "https://api.github.com",
        "https://gitee.com",
        "https://github.com/login?x",
    ] {
        assert!(!public.may_be_issuer(iss), "{iss}");
    }
    assert!(!own.may_be_issuer("https://git.example.org/githubber") && !own.may_be_issuer("https://git.example.org"));
}

#[test]
fn a_host_is_meant_by_its_origin_its_api_or_a_profile_and_by_nothing_else() {
    let github = Host::new("github", "https://github.com");
    for text in ["https://github.com", "https://github.com/", "https://api.github.com", "https://github.com/tom-repo"] {
        assert!(github.site.is_meant_by(text), "{text}");
    }
    for text in [
        "",
        "github.com",
        "http://github.com",
        "https://github.com.evil",
        "https://github.com:8443",
        "https://x@github.com",
    ] {
        assert!(!github.site.is_meant_by(text), "{text}");
    }
    let gitlab = Host::new("gitlab", "https://192.168.1.1:8080/gitlab");
    assert!(gitlab.site.is_meant_by("https://192.168.1.1:8080/gitlab/octocat"));
    assert!(gitlab.site.is_meant_by("https://192.168.1.1:8080/gitlab/api/v4"));
    assert!(!gitlab.site.is_meant_by("https://192.168.1.1:8080/gitlabx"));
    assert!(!gitlab.site.is_meant_by("https://192.168.1.1:8080/"));
}

proptest! {
    /// Whatever path, ref and names a caller gives: a strict parser finds each of them again, whole, at its place, and
    /// the address stays below the API.
    #[test]
    fn no_name_leaves_its_place(path in "[^:]{1,20}", name in "[^:]{1,12}", at in "[^:]{1,12}") {
        let (Ok(file), Ok(project), Ok(at)) = (FilePath::parse(&path), Project::parse(&name), Ref::parse(&at)) else {
            return Ok(());
        };
        prop_assume!(!project.as_str().contains('/') && !project.is_number());
        for host in Host::all() {
            let place = Place { namespace: Namespace::parse("octo").unwrap(), project: project.clone() };
            let Step::Ask(errand) = host.kind.read_file(&host.visit(), &place, &file, &at) else {
                return Err(TestCaseError::fail("nothing is asked"));
            };
            let text = errand.request().url();
            let url = url::Url::parse(text).unwrap();
            prop_assert_eq!(url.as_str(), text, "the parser reads another address");
            let api = host.site.api().as_str();
            let below = url.as_str().strip_prefix(api).unwrap();
            let path = below.split('?').next().unwrap().trim_start_matches('/');
            let decode = |s: &str| percent(s);
            let segments: Vec<String> = path.split('/').map(decode).collect();
            let wanted: Vec<String> = match host.name() {
                "gitlab" => vec!["projects".into(), format!("octo/{}", project.as_str()), "repository".into(), "files".into(), file.as_str().into()],
                _ => ["repos", "octo", project.as_str(), "contents"].into_iter().chain(file.as_str().split('/')).map(str::to_owned).collect(),
            };
            prop_assert_eq!(segments, wanted);
            let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
            prop_assert_eq!(query, vec![("ref".to_owned(), at.as_str().to_owned())]);
        }
    }
}

/// Decodes a segment, the plain way.
fn percent(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let hex = [bytes.next().unwrap(), bytes.next().unwrap()];
            out.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn each_hosts_api_lies_where_its_documentation_says() {
    for (kind, web, api) in [
        ("github", "https://github.com", "https://api.github.com"),
        ("github", "https://octocorp.ghe.com", "https://api.octocorp.ghe.com"),
        ("github", "https://ghe.example", "https://ghe.example/api/v3"),
        ("github", "https://github.com.evil.example", "https://github.com.evil.example/api/v3"),
        ("gitlab", "https://gitlab.com", "https://gitlab.com/api/v4"),
        ("gitlab", "https://192.168.1.1:8080/gitlab", "https://192.168.1.1:8080/gitlab/api/v4"),
        ("gitee", "https://gitee.com", "https://gitee.com/api/v5"),
        ("gitee", "https://gitlife.ru", "https://gitlife.ru/api/v5"),
    ] {
        assert_eq!(Host::new(kind, web).site.api().as_str(), api);
    }
}

#[test]
fn a_files_content_is_not_in_a_debug_print() {
    let content = Content::parse("c2VjcmV0").unwrap();
    assert_eq!(format!("{content:?}"), "[8 bytes of base64]");
}

#[test]
fn a_message_has_words_and_a_bound() {
    assert_eq!(Message::parse("Fix\n\nWhy: é").unwrap().as_str(), "Fix\n\nWhy: é");
    assert!(Message::parse(&"x".repeat(64 << 10)).is_ok());
    for bad in ["", " \n", "a\0b", &"x".repeat((64 << 10) + 1)] {
        assert!(Message::parse(bad).is_err());
    }
}
