"""Which request follows: the pages of a list, wherever the platform says that they are (API document, chapter 5).

Where a next page is named comes from outside, and the token goes with every request: nothing but the same list of the
same origin is ever followed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote, urljoin, urlsplit

from daemon.core.exceptions import ProtocolError
from daemon.integrator.protocol import DEFAULT_PORTS, BaseUrl, Request, one_line

_PAGE_CAP = 20_000
_URL_SAFE = "%/?:@!$&'()*+,;=[]~-._"


def next_link(sent: Mapping[str, str]) -> str:
    """Return the target of ``Link: <…>; rel="next"``, or ""."""
    for link in sent.get("link", "").split("<")[1:]:
        target, _, parameters = link.partition(">")
        for parameter in parameters.split(";"):
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "rel" and "next" in value.strip(' ,"').lower().split():
                return target.strip()
    return ""


@dataclass(slots=True, kw_only=True)
class PageTrail:
    """The pages of one list: never leaves the list, goes round in circles or goes on for ever."""

    base_url: BaseUrl
    first: Request
    page_cap: int = _PAGE_CAP
    _seen: set[tuple[str, str]] = field(default_factory=set)

    def follow(self, target: str) -> Request:
        """Return the request for the page at *target*, as the platform named it; its query is taken as it is.

        Raises:
            ProtocolError: the target is elsewhere, was read before, or there are too many pages: the read is cut short.
        """
        self._seen.add((self.first.path, self.first.query))
        request = self._resolve(target)
        if (request.path, request.query) in self._seen:
            raise ProtocolError(f"{self.first}: the next page is one that was read already; the list is not whole")
        if len(self._seen) >= self.page_cap:
            raise ProtocolError(f"{self.first}: more than {self.page_cap} pages; the list is not whole")
        self._seen.add((request.path, request.query))
        return request

    def _resolve(self, target: str) -> Request:
        home = f"{self.base_url.prefix}{self.first.path}"
        try:
            parts = urlsplit(urljoin(f"{self.base_url.origin}{home}?{self.first.query}", target))
            address = (parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme))
            query = quote(parts.query, safe=_URL_SAFE)
            below = quote(parts.path.removeprefix(home), safe=_URL_SAFE)
        except ValueError:
            raise self._strayed(target) from None
        at_home = address == self.base_url.address and "@" not in parts.netloc and parts.path.startswith(home)
        if not at_home or not _stays_below(below):
            raise self._strayed(target)
        return replace(self.first, path=f"{self.first.path}{below}", query=query)

    def _strayed(self, target: str) -> ProtocolError:
        return ProtocolError(
            f"{self.first}: the next page is not a page of the same list ({one_line(target)}); it was not followed "
            "and the list is not whole"
        )


def _stays_below(path: str) -> bool:
    first, *segments = unquote(path).split("/")
    return not first and not {"", ".", ".."} & set(segments) and "\\" not in unquote(path)
