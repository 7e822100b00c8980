/** A certificate for localhost and 127.0.0.1 that signs itself, and its key, as PEM. */
export interface TestCertificate {
  cert: string;
  key: string;
}

/**
 * Two certificates to test TLS with; they secure nothing, as everyone has their keys.
 *
 * Made by `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj "/CN=spanloom test one"
 * -addext "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"`; valid until the year 2126.
 */
export const testCertificates: readonly [TestCertificate, TestCertificate] = [
  {
    cert: `-----BEGIN CERTIFICATE-----
MIIBvzCCAWSgAwIBAgIUKyNy3cqGqEwNO7Z8nkDY6d9GH5gwCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRc3Bhbmxvb20gdGVzdCBvbmUwIBcNMjYxMTIxMDM1ODMwWhgP
MjEyNjEwMjgwMzU4MzBaMBwxGjAYBgNVBAMMEXNwYW5sb29tIHRlc3Qgb25lMFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdF96fZRK4hvuNQlIF+Jz5g/ofZJTrCu/
CKuxHNMzlzPuQAQVfR0of8tmRRHcOIv86yQhnWLpQ4TG1FCuLcmf5aOBgTB/MB0G
A1UdDgQWBBRXuKLFuugV76SR8/+t2nfXoClJBDAfBgNVHSMEGDAWgBRXuKLFuugV
76SR8/+t2nfXoClJBDAPBgNVHRMBAf8EBTADAQH/MCwGA1UdEQQlMCOCCWxvY2Fs
aG9zdIcEfwAAAYcQAAAAAAAAAAAAAAAAAAAAATAKBggqhkjOPQQDAgNJADBGAiEA
8CZ7r9cdlwScRgeeBwSFp+CGeYQS/R2sQXPqFrY5Sn8CIQDfhbggOm6pqF/Nqxx9
jCnIaae6HdXg32Nzv+bIN2+ZLg==
-----END CERTIFICATE-----
`,
    key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgJZsbnF2hEJ1VtJiI
VYHLmwLDl02BEG2L/Wy+dm8YNR+hRANCAAR0X3p9lEriG+41CUgX4nPmD+h9klOs
K78Iq7Ec0zOXM+5ABBV9HSh/y2ZFEdw4i/zrJCGdYulDhMbUUK4tyZ/l
-----END PRIVATE KEY-----
`,
  },
  {
    cert: `-----BEGIN CERTIFICATE-----
MIIBvTCCAWSgAwIBAgIUOo4srAD63s7tkRyO0MvntySANrEwCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRc3Bhbmxvb20gdGVzdCB0d28wIBcNMjYxMTIxMDM1ODMwWhgP
MjEyNjEwMjgwMzU4MzBaMBwxGjAYBgNVBAMMEXNwYW5sb29tIHRlc3QgdHdvMFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEouKCRK/bI+x5xD3Oe33KX0dwS0VChJCA
udbwo6PYsVTFXlAbdN9wRvPGD69aRXdwGaKV/bqGYVfR0/ZE9GIyfqOBgTB/MB0G
A1UdDgQWBBQyvZkJant16juuuLWkcoaS239C3jAfBgNVHSMEGDAWgBQyvZkJant1
6juuuLWkcoaS239C3jAPBgNVHRMBAf8EBTADAQH/MCwGA1UdEQQlMCOCCWxvY2Fs
aG9zdIcEfwAAAYcQAAAAAAAAAAAAAAAAAAAAATAKBggqhkjOPQQDAgNHADBEAiAc
ku0kuEIZ9OXzLpZ0r0rz+74fJYtrjXnhE9p526ORhgIgFMn3VilYyJGNxictHGub
a4qlTf94Gw3vbECYsfB0Do8=
-----END CERTIFICATE-----
`,
    key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgUlznOgeGCduE19dj
RaseeccYtQsITqc1M2kkhmb7MwShRANCAASi4oJEr9sj7HnEPc57fcpfR3BLRUKE
kIC51vCjo9ixVMVeUBt033BG88YPr1pFd3AZopX9uoZhV9HT9kT0YjJ+
-----END PRIVATE KEY-----
`,
  },
];
