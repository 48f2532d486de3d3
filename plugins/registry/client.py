# SPDX-License-Identifier: Apache-2.0
"""The full client of a registry, on httpx: manifests and blobs, with log-in, redirects, retries and resumption.

It is synchronous and may be used from several threads; sources run downloads in threads of their own, since hashing and
writing are as much of the work as waiting is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Self
from urllib.parse import urljoin

import httpx

from ladle.core.api.errors import BuildError
from ladle.core.oci.documents import MANIFEST_LIMIT, is_digest
from ladle.core.oci.errors import digest_mismatch, too_large
from ladle.core.oci.gojson import read_json
from ladle.core.oci.media import ACCEPT
from ladle.llb.values import dataclass
from ladle.plugins.registry.answers import bounded
from ladle.plugins.registry.auth import answer_challenge, parse_challenge
from ladle.plugins.registry.credentials import Credentials, find_credentials
from ladle.plugins.registry.download import Download
from ladle.plugins.registry.errors import interrupted, unexpected_status, unknown_image, unknown_tag, unreachable
from ladle.plugins.registry.retry import ATTEMPTS, RETRIED, pause

if TYPE_CHECKING:
    from ladle.core.oci.documents import Descriptor
    from ladle.plugins.registry.endpoint import Endpoint

MAX_REDIRECTS = 5
ERROR_LIMIT = 64 << 10
"""Bytes of an error document; a longer one is not looked at."""
CONCURRENCY = 4
"""How many requests one registry gets at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedDocument:
    """A manifest or index as it came, with the digest of its bytes."""

    data: bytes
    digest: str
    media_type: str


class RegistryClient:
    """One registry. Use as a context manager: it holds connections."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        credentials: Credentials | None = None,
        slots: threading.BoundedSemaphore | None = None,
        timeout: float = 30.0,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._credentials = credentials or find_credentials(endpoint.name)
        self._slots = slots or threading.BoundedSemaphore(CONCURRENCY)
        self._sleep = sleep
        self._authorization: dict[str, str] = {}
        self._http = httpx.Client(
            timeout=httpx.Timeout(timeout, connect=10.0),
            headers={"user-agent": "ladle", "accept-encoding": "identity"},
            trust_env=not endpoint.loopback,
            verify=endpoint.secure or not endpoint.loopback,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def manifest(self, path: str, wanted: str) -> FetchedDocument:
        """Return a manifest or index by tag or digest."""
        image = f"{self.endpoint.name}/{path}{'@' if is_digest(wanted) else ':'}{wanted}"
        data, answered = self._whole(path, f"/v2/{path}/manifests/{wanted}", image, {"accept": ACCEPT}, MANIFEST_LIMIT)
        media_type = answered.get("content-type", "")
        stated = answered.get("docker-content-digest", "")
        digest = f"sha256:{sha256(data).hexdigest()}"
        expected = wanted if is_digest(wanted) else stated
        if is_digest(expected) and digest != expected:
            raise digest_mismatch(f"manifest of {image}", digest, expected)
        return FetchedDocument(data=data, digest=digest, media_type=media_type)

    def small_blob(self, path: str, descriptor: Descriptor, limit: int) -> bytes:
        """Return a blob that fits into memory, such as an image config, verified."""
        what = f"{self.endpoint.name}/{path}@{descriptor.digest}"
        if descriptor.size > limit:
            raise too_large(what, descriptor.size, limit)
        data, _ = self._whole(path, f"/v2/{path}/blobs/{descriptor.digest}", what, {}, limit)
        digest = f"sha256:{sha256(data).hexdigest()}"
        if digest != descriptor.digest:
            raise digest_mismatch(f"blob of {self.endpoint.name}/{path}", digest, descriptor.digest)
        return data

    def download(
        self,
        path: str,
        descriptor: Descriptor,
        target: str,
        *,
        stop: threading.Event | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """Write a blob to a file, verified; a broken transfer goes on where it broke off."""
        what = f"{self.endpoint.name}/{path}@{descriptor.digest}"
        with Download(descriptor, target, what=what, stop=stop, progress=progress) as download:
            attempt = 0
            while not download.complete:
                before = download.received
                headers = {"range": f"bytes={before}-"} if before else {}
                try:
                    with self._get(path, f"/v2/{path}/blobs/{descriptor.digest}", what, headers) as response:
                        download.receive(response)
                except httpx.TransportError as error:
                    download.broke_off(str(error) or type(error).__name__)
                attempt = 0 if download.received > before else attempt + 1
                if not download.complete:
                    download.check_attempts(attempt)
                    self._pause(attempt)
            download.verify()

    def _whole(
        self, path: str, url: str, what: str, headers: dict[str, str], limit: int
    ) -> tuple[bytes, httpx.Headers]:
        """Return a small answer's body and headers; one that breaks off is asked for again."""
        why = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._pause(attempt - 1)
            try:
                with self._get(path, url, what, headers) as response:
                    return bounded(response, limit, what), response.headers
            except httpx.TransportError as error:
                why = str(error) or type(error).__name__
        raise interrupted(what, why)

    def _pause(self, attempt: int, retry_after: str = "") -> None:
        if self._sleep is None:
            pause(attempt, retry_after)
        else:
            pause(attempt, retry_after, sleep=self._sleep)

    @contextmanager
    def _get(self, path: str, url: str, what: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        """Open a GET with retries and log-in; what is yielded has status 200 or 206."""
        with self._slots:
            response = self._opened(path, url, what, headers)
            try:
                yield response
            finally:
                response.close()

    def _opened(self, path: str, url: str, what: str, headers: dict[str, str]) -> httpx.Response:
        scope = f"repository:{path}:pull"
        logged_in = False
        for attempt in range(ATTEMPTS):
            try:
                response = self._followed(self.endpoint.url + url, headers, self._authorization.get(scope, ""))
                if response.status_code == 401 and not logged_in:
                    logged_in = True
                    response = self._logged_in(response, scope, url, what, headers)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
                raise unreachable(self.endpoint.address, str(error) or "no answer") from None
            except httpx.TransportError as error:
                if attempt + 1 == ATTEMPTS:
                    raise unreachable(self.endpoint.address, str(error) or type(error).__name__) from None
                self._pause(attempt)
                continue
            if response.status_code in (200, 206):
                return response
            retry_after = response.headers.get("retry-after", "")
            problem = self._problem(response, what, path)
            if response.status_code not in RETRIED or attempt + 1 == ATTEMPTS:
                raise problem
            self._pause(attempt, retry_after)
        raise unreachable(self.endpoint.address, "no usable answer")

    def _logged_in(
        self, refused: httpx.Response, scope: str, url: str, what: str, headers: dict[str, str]
    ) -> httpx.Response:
        """Answer a 401 and ask again."""
        challenge = parse_challenge(refused.headers.get_list("www-authenticate"))
        if challenge is None:
            return refused
        refused.close()
        if challenge.scheme == "basic" and self._credentials is None:
            raise unknown_image(what, denied=True)
        self._authorization[scope] = answer_challenge(self._http, self.endpoint, challenge, self._credentials, scope)
        return self._followed(self.endpoint.url + url, headers, self._authorization[scope])

    def _followed(self, url: str, headers: dict[str, str], authorization: str) -> httpx.Response:
        """Send one GET and follow its redirects; our `Authorization` goes to the registry alone."""
        for _ in range(MAX_REDIRECTS):
            sent = dict(headers)
            if authorization and url.startswith(self.endpoint.url + "/"):
                sent["authorization"] = authorization
            response = self._http.send(self._http.build_request("GET", url, headers=sent), stream=True)
            location = response.headers.get("location", "")
            if response.status_code not in (301, 302, 303, 307, 308) or not location:
                return response
            response.close()
            target = urljoin(url, location)
            if self.endpoint.secure and not target.startswith("https://"):
                raise unexpected_status(url.partition("?")[0], response.status_code, "redirect to plain HTTP")
            url = target
        raise unexpected_status(url.partition("?")[0], response.status_code, "too many redirects")

    def _tags(self, path: str) -> list[str] | None:
        """Return the tags of a repository for a message, None where the registry does not know the repository."""
        scope = f"repository:{path}:pull"
        try:
            response = self._followed(
                f"{self.endpoint.url}/v2/{path}/tags/list", {}, self._authorization.get(scope, "")
            )
            with closing(response):
                if response.status_code == 404:
                    return None
                document = read_json(bounded(response, MANIFEST_LIMIT, path))
        except (httpx.HTTPError, BuildError, ValueError):
            return []
        tags = document.get("tags") if isinstance(document, dict) else None
        return [str(tag) for tag in tags] if isinstance(tags, list) else []

    def _problem(self, response: httpx.Response, what: str, path: str) -> Exception:
        """Return the error that an answer means, and close it."""
        try:
            codes = _error_codes(response)
        except httpx.TransportError:
            codes = set()
        finally:
            response.close()
        repository = f"{self.endpoint.name}/{path}"
        if response.status_code in (401, 403):
            return unknown_image(repository, denied=True)
        if response.status_code == 404:
            tags = None if "NAME_UNKNOWN" in codes else self._tags(path)
            return unknown_image(repository) if tags is None else unknown_tag(what, tags)
        return unexpected_status(what, response.status_code, response.reason_phrase)


def _error_codes(response: httpx.Response) -> set[str]:
    """Return the codes in a registry's error document."""
    try:
        document = read_json(bounded(response, ERROR_LIMIT, "an error"))
    except (BuildError, ValueError):
        return set()
    errors = document.get("errors") if isinstance(document, dict) else None
    return {str(one.get("code")) for one in errors if isinstance(one, dict)} if isinstance(errors, list) else set()
