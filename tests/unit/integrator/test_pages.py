from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daemon.core.exceptions import ProtocolError
from daemon.integrator.pages import PageTrail, next_link
from daemon.integrator.protocol import BaseUrl, Request

BASE = BaseUrl.parse("https://api.integrator.io/v1")
FIRST = Request(
    method="GET",
    path="/flows/f1/s1/errors",
    endpoint="GET /flows/{flow}/{step}/errors",
    query="occurredAt_gte=2026-01-01T00%3A00%3A00.000Z",
)


def trail(page_cap: int = 100) -> PageTrail:
    return PageTrail(base_url=BASE, first=FIRST, page_cap=page_cap)


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        pytest.param("/v1/flows/f1/s1/errors?after=1", "/flows/f1/s1/errors", "after=1", id="relative"),
        pytest.param("?after=1", "/flows/f1/s1/errors", "after=1", id="only a query"),
        pytest.param(
            "https://api.integrator.io/v1/flows/f1/s1/errors?after=1", "/flows/f1/s1/errors", "after=1", id="absolute"
        ),
        pytest.param(
            "HTTPS://API.integrator.io:443/v1/flows/f1/s1/errors?after=1",
            "/flows/f1/s1/errors",
            "after=1",
            id="absolute, same port written out",
        ),
        pytest.param("/v1/flows/f1/s1/errors/next/7", "/flows/f1/s1/errors/next/7", "", id="below the list"),
        pytest.param(
            "/v1/flows/f1/s1/errors?a=%2Fb%20c+d&e=ü", "/flows/f1/s1/errors", "a=%2Fb%20c+d&e=%C3%BC", id="opaque"
        ),
        pytest.param("/v1/flows/f1/s1/errors?a=1#there", "/flows/f1/s1/errors", "a=1", id="with a fragment"),
    ],
)
def test_a_next_page_of_the_same_list_is_followed_with_its_own_query(target: str, path: str, query: str) -> None:
    request = trail().follow(target)
    assert (request.method, request.path, request.query) == ("GET", path, query)
    assert request.endpoint == FIRST.endpoint


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("https://evil.example/v1/flows/f1/s1/errors?a=1", id="another host"),
        pytest.param("//evil.example/v1/flows/f1/s1/errors?a=1", id="another host without scheme"),
        pytest.param("/\\evil.example/v1/flows/f1/s1/errors?a=1", id="another host behind a backslash"),
        pytest.param("https://api.integrator.io.evil.example/v1/flows/f1/s1/errors", id="a host that begins alike"),
        pytest.param("https://api.integrator.io:8443/v1/flows/f1/s1/errors?a=1", id="another port"),
        pytest.param("https://api.integrator.io:x/v1/flows/f1/s1/errors?a=1", id="no port"),
        pytest.param("http://api.integrator.io/v1/flows/f1/s1/errors?a=1", id="another scheme"),
        pytest.param("javascript:alert(1)", id="no place at all"),
        pytest.param("https://user@api.integrator.io/v1/flows/f1/s1/errors?a=1", id="with a user"),
        pytest.param("https://api.integrator.io@evil.example/v1/flows/f1/s1/errors", id="a user that looks like us"),
        pytest.param("https://[::1/v1/flows/f1/s1/errors", id="unreadable"),
        pytest.param("/v1/flows/f1/s2/errors?a=1", id="another step"),
        pytest.param("/v1/flows/f1/s1/resolved?a=1", id="another list"),
        pytest.param("/v1/flows/f1/s1/errors2?a=1", id="a path that begins alike"),
        pytest.param("/v1/flows/f1/s1/errors/../../s2/errors", id="up and over"),
        pytest.param("/v1/flows/f1/s1/errors/%2e%2e/%2e%2e/s2/errors", id="up and over, quoted"),
        pytest.param("/v1/flows/f1/s1/errors/..\\..\\s2", id="up and over with backslashes"),
        pytest.param("/flows/f1/s1/errors?a=1", id="without the prefix"),
        pytest.param("/v1/flows/f1/s1/errors?a=\ud83d", id="half a character"),
    ],
)
def test_a_next_page_elsewhere_is_never_followed(target: str) -> None:
    with pytest.raises(ProtocolError):
        trail().follow(target)


@given(
    st.text()
    | st.builds(
        "{}{}{}".format,
        st.sampled_from(["https:", "http:", "//", "/", "\\", "@", "https://api.integrator.io", "", "?"]),
        st.sampled_from(["//evil.example", "@evil.example", "/v1/flows/f1/s1/errors", ":80", ".", "/../"]),
        st.text(),
    )
)
@example("/v1/flows/f1/s1/errors?a=\r\nHost: evil.example")
def test_no_next_page_leaves_the_origin_or_the_list(target: str) -> None:
    try:
        request = trail().follow(target)
    except ProtocolError:
        return
    url = f"{BASE}{request.path}?{request.query}"
    assert urlsplit(url).netloc == "api.integrator.io"
    assert url.startswith("https://api.integrator.io/v1/flows/f1/s1/errors")
    assert url.isascii()
    assert url.isprintable()
    assert " " not in url


def test_a_page_that_was_read_already_ends_in_an_error() -> None:
    pages = trail()
    pages.follow("?after=1")
    pages.follow("?after=2")
    with pytest.raises(ProtocolError, match="read already"):
        pages.follow("?after=1")


def test_the_first_page_counts_as_read() -> None:
    with pytest.raises(ProtocolError, match="read already"):
        trail().follow(f"?{FIRST.query}")


def test_pages_without_end_end_in_an_error() -> None:
    pages = trail(page_cap=3)
    pages.follow("?after=1")
    pages.follow("?after=2")
    with pytest.raises(ProtocolError, match="more than 3 pages"):
        pages.follow("?after=3")


@pytest.mark.parametrize(
    ("link", "target"),
    [
        pytest.param('<https://h/v1/flows?after=1>; rel="next"', "https://h/v1/flows?after=1", id="one"),
        pytest.param("</v1/flows?after=1>; rel=next", "/v1/flows?after=1", id="without quotes"),
        pytest.param('</a>; rel="prev", </b,c;d>; title="x"; rel="last next"', "/b,c;d", id="among others"),
        pytest.param('</a>; rel="prev"', "", id="only others"),
        pytest.param('</a>; title="next"', "", id="another parameter"),
        pytest.param("", "", id="nothing"),
        pytest.param('</a; rel="next"', "", id="broken"),
    ],
)
def test_the_next_page_of_a_list_is_in_the_link_header(link: str, target: str) -> None:
    assert next_link({"link": link}) == target


def test_without_a_link_header_there_is_no_next_page() -> None:
    assert next_link({}) == ""
