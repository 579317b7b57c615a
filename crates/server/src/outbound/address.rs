//! Which addresses of the network may be connected to.
//!
//! Owns the judgement of one address (IANA's special-purpose registries for IPv4 and IPv6, and the cloud providers'
//! metadata addresses). A name's addresses are found by `resolver`; who allowed a private host is in `allowed`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is to us. The later one is the worse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// On the public network.
    Public,
    /// Inside somebody's house: loopback, private and shared ranges. Only an administrator's word opens it.
    Private,
    /// Never connected to, whatever an administrator allowed: cloud metadata, link-local, multicast, unspecified,
    /// documentation, reserved ranges, and IPv6 forms that carry an IPv4 address somewhere else.
    Never,
}

/// Judges an address, looking through the forms that carry another one.
pub fn judge(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(v4) => judge_v4(v4),
        IpAddr::V6(v6) => judge_v6(v6),
    }
}

fn judge_v4(address: Ipv4Addr) -> Reach {
    if METADATA_V4.contains(&address.octets()) {
        return Reach::Never;
    }
    match address.octets() {
        // This network; link-local, where most clouds answer for their machines' keys; multicast and all above it.
        [0, ..] | [169, 254, ..] | [224..=255, ..] => Reach::Never,
        // Documentation, and the anycast address of 6to4 relays.
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [192, 88, 99, _] => Reach::Never,
        [10, ..] | [127, ..] | [192, 168, ..] | [172, 16..=31, ..] => Reach::Private,
        // Shared with the provider (RFC 6598), protocol assignments, laboratories (RFC 2544).
        [100, 64..=127, ..] | [192, 0, 0, _] | [198, 18..=19, ..] => Reach::Private,
        _ => Reach::Public,
    }
}

fn judge_v6(address: Ipv6Addr) -> Reach {
    if METADATA_V6.contains(&address.segments()) {
        return Reach::Never;
    }
    let embedded = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Private,
        // The kernel connects a mapped address by IPv4, and a NAT64 of the provider a translated one.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => judge_v4(embedded(high, low)),
        // Tunnels whose other end is an IPv4 address that nobody judged: Teredo with its neighbours, 6to4, ISATAP.
        [0x2001, 0..=0x1ff, ..] | [0x2002, ..] | [_, _, _, _, 0 | 0x200, 0x5efe, ..] => Reach::Never,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Reach::Never,
        // Unique local addresses, and the site-local ones before them.
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Reach::Private,
        [0x2000..=0x3fff, ..] => Reach::Public,
        // Whatever is not global unicast: link-local, multicast, IPv4-compatible, local NAT64, discard, unassigned.
        _ => Reach::Never,
    }
}

/// Where clouds hand out their machines' secrets outside the link-local range: Azure's host, Oracle's first form,
/// Alibaba's.
const METADATA_V4: [[u8; 4]; 3] = [[168, 63, 129, 16], [192, 0, 0, 192], [100, 100, 100, 200]];
/// The same of Amazon and Google over IPv6.
const METADATA_V6: [[u16; 8]; 2] = [[0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254]];

#[cfg(test)]
mod tests {
    use super::*;

    fn all(addresses: &str, expected: Reach) {
        for text in addresses.split_whitespace() {
            assert_eq!(judge(text.parse().unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn fm_86_an_address_that_is_not_public_is_known_in_every_form() {
        all(
            "127.0.0.1 127.255.255.254 10.0.0.1 172.16.0.1 172.31.255.255 192.168.0.1 100.64.0.1 100.127.0.1",
            Reach::Private,
        );
        all("198.18.0.1 192.0.0.8 ::1 fc00::1 fd12:3456::1 fec0::1 ::ffff:127.0.0.1 ::ffff:10.1.2.3", Reach::Private);
        all("64:ff9b::7f00:1 64:ff9b::10.0.0.1 64:ff9b::192.168.1.1", Reach::Private);
        all(
            "0.0.0.0 0.1.2.3 169.254.169.254 169.254.170.2 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255",
            Reach::Never,
        );
        all("192.0.2.1 198.51.100.7 203.0.113.9 192.88.99.1 168.63.129.16 192.0.0.192 100.100.100.200", Reach::Never);
        all(":: ::7f00:1 ::10.0.0.1 ::ffff:0.0.0.0 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1", Reach::Never);
        all("fe80::1 ff02::1 2001:db8::1 3fff::1 100::1 64:ff9b:1::7f00:1 64:ff9b::169.254.169.254", Reach::Never);
        all("2001::1 2001:0:7f00:1::1 2002:7f00:1::1 2002:a00:1::1 2001:10::1 2001:20::1 2001:2::1", Reach::Never);
        all(
            "fd00:ec2::254 fd20:ce::254 2a00:1:2:3:0:5efe:7f00:1 2a00:1:2:3:200:5efe:a00:1 5f00::1 4000::1",
            Reach::Never,
        );
    }

    #[test]
    fn a_public_address_is_public() {
        all(
            "1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 169.253.1.1 192.0.1.1 223.1.1.1",
            Reach::Public,
        );
        all("2606:4700::1111 2a00:1450::1 2001:200::1 2003::1 3ffe::1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8", Reach::Public);
    }
}
